//! Words in an address's fragment, as `#class=12&layer=layer4`: encoded as a form's
//! (`application/x-www-form-urlencoded`).
//!
//! What the words mean, and whether there is such a class or layer, is for the page to say.

use form_urlencoded::Serializer;

/// Each key with its value; what is no pair is left out. Bytes that are not encoded rightly become
/// U+FFFD or stay as they are.
pub fn read(fragment: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = fragment.trim_start_matches('#').split('&').filter(|pair| pair.contains('='));
    let decoded = |pair: &str| form_urlencoded::parse(pair.as_bytes()).into_owned().next();
    pairs.filter_map(decoded)
}

/// The fragment, without its `#`; keys without a value are left out.
pub fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let given = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
    Serializer::new(String::new()).extend_pairs(given).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(&str, &str); 4] =
        [("model", "a&b=c#d %/é猫"), ("class", "12"), ("method", "grad-cam++"), ("empty", "")];

    fn expected() -> Vec<(String, String)> {
        PAIRS.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    }

    #[test]
    fn what_was_written_is_read() {
        let pairs = PAIRS.map(|(key, value)| (key, Some(value.to_owned())));
        let fragment = write(pairs.into_iter().chain([("absent", None)]));
        assert_eq!(
            fragment,
            "model=a%26b%3Dc%23d+%25%2F%C3%A9%E7%8C%AB&class=12&method=grad-cam%2B%2B&empty="
        );
        assert_eq!(read(&fragment).collect::<Vec<_>>(), expected());
    }

    /// Links of before were written as JavaScript's `encodeURIComponent` does: a blank was `%20`.
    #[test]
    fn old_links_still_open() {
        let old =
            "#model=a%26b%3Dc%23d%20%25%2F%C3%A9%E7%8C%AB&class=12&method=grad-cam%2B%2B&empty=";
        assert_eq!(read(old).collect::<Vec<_>>(), expected());
        let marks: Vec<_> = read("layer=layer4.1!*'()-_.~&method=grad-cam").collect();
        let expected = [("layer", "layer4.1!*'()-_.~"), ("method", "grad-cam")];
        assert_eq!(marks, expected.map(|(key, value)| (key.into(), value.into())));
    }

    #[test]
    fn what_is_no_pair_is_left_out() {
        for fragment in ["", "#", "model", "&&"] {
            assert_eq!(read(fragment).count(), 0, "{fragment}");
        }
        assert_eq!(
            read("##a=1&&b&=2&c=%41&d=%zz&e=%ff").collect::<Vec<_>>(),
            [("a", "1"), ("", "2"), ("c", "A"), ("d", "%zz"), ("e", "\u{FFFD}")]
                .map(|(key, value)| (key.into(), value.into()))
        );
    }

    /// Found by fuzzing: a key was written encoded, and read as it stood.
    #[test]
    fn keys_are_decoded_as_values_are() {
        let pairs = vec![("\u{FFFD}k&=".to_owned(), "=%".to_owned())];
        let fragment = write(pairs.iter().map(|(key, value)| (&key[..], Some(value.clone()))));
        assert_eq!(read(&fragment).collect::<Vec<_>>(), pairs);
    }
}
