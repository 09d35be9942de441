//! A map of some hundred entries at most, looked through from its first. Hash tables are a kilobyte and a half of the page for each type
//! of key and value; this is next to nothing.

use std::borrow::Borrow;

#[derive(Debug)]
pub struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Few(Vec::new())
    }
}

impl<K: PartialEq, V> Few<K, V> {
    fn place<Q: PartialEq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.0.iter().position(|(known, _)| known.borrow() == key)
    }

    pub fn get<Q: PartialEq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).map(|at| &self.0[at].1)
    }

    /// Returns what was there under this key.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.remove(&key);
        self.0.push((key, value));
        before
    }

    pub fn get_or_insert(&mut self, key: K, create: impl FnOnce() -> V) -> &V {
        let at = self.place(&key).unwrap_or_else(|| {
            self.0.push((key, create()));
            self.0.len() - 1
        });
        &self.0[at].1
    }

    pub fn remove<Q: PartialEq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.place(key).map(|at| self.0.swap_remove(at).1)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn is_a_map() {
        let mut few: Few<String, u32> = Few::default();
        few.insert("a".into(), 1);
        few.insert("b".into(), 2);
        assert_eq!(few.insert("a".into(), 3), Some(1));
        assert_eq!([few.get("a"), few.get("b"), few.get("c")], [Some(&3), Some(&2), None]);
        assert_eq!(*few.get_or_insert("b".into(), || unreachable!()), 2);
        assert_eq!(*few.get_or_insert("c".into(), || 4), 4);
        assert_eq!(few.values().sum::<u32>(), 9);
        assert_eq!([few.remove("b"), few.remove("b")], [Some(2), None]);
        few.clear();
        assert_eq!(few.get("a"), None);
    }
}
