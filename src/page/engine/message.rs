//! Requests and events as messages between page and worker: bytes (postcard's), and beside them the
//! JavaScript objects that no bytes can carry.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::RefCell;
use std::collections::VecDeque;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessagePort;

thread_local! {
    /// Objects of the message that is being written or read, in its order.
    static ATTACHED: RefCell<VecDeque<JsValue>> = RefCell::default();
}

/// A JavaScript object within a request or an event. It is posted beside the message's bytes; the
/// memory of an `ArrayBuffer` is moved, not copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached<T>(pub T);

impl<T: AsRef<JsValue>> Serialize for Attached<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ATTACHED.with_borrow_mut(|attached| attached.push_back(self.0.as_ref().clone()));
        serializer.serialize_unit()
    }
}

impl<'de, T: JsCast> Deserialize<'de> for Attached<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)?;
        let object = ATTACHED.with_borrow_mut(VecDeque::pop_front);
        object
            .and_then(|object| object.dyn_into().ok())
            .map(Attached)
            .ok_or_else(|| serde::de::Error::custom("an attached object is missing"))
    }
}

/// Posts `message` as [bytes, attached…].
///
/// # Panics
/// When it can't be written: a mistake in its type.
pub fn post(port: &MessagePort, message: &impl Serialize) {
    let bytes = postcard::to_stdvec(message).expect("a message can be written");
    let bytes = Uint8Array::from(bytes.as_slice());
    let (parts, moved) = (Array::of1(&bytes), Array::of1(&bytes.buffer()));
    for object in ATTACHED.take() {
        if let Some(buffer) = object.dyn_ref::<ArrayBuffer>() {
            moved.push(buffer);
        }
        parts.push(&object);
    }
    // It throws for objects that can't be cloned only; none of ours is one.
    port.post_message_with_transferable(&parts, &moved).expect("a message can be posted");
}

/// Reads what [`post`] has posted.
///
/// # Panics
/// When it is anything else: page and worker are of one program.
pub fn read<M: DeserializeOwned>(data: JsValue) -> M {
    let message: Array = data.unchecked_into();
    let mut parts = message.iter();
    let bytes = parts.next().map(|bytes| Uint8Array::new(&bytes).to_vec()).unwrap_or_default();
    ATTACHED.set(parts.collect());
    postcard::from_bytes(&bytes).expect("a message of this program")
}

/// For fields whose types leave out what is empty, which postcard can't read back: as JSON.
pub mod as_json {
    use serde::de::{DeserializeOwned, Error};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

    pub fn serialize<T: Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let json = serde_json::to_string(value).map_err(ser::Error::custom)?;
        serializer.serialize_str(&json)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        serde_json::from_str(<&str>::deserialize(deserializer)?).map_err(Error::custom)
    }
}
