//! Words in an address's fragment, as `#class=12&layer=layer4`: written and read as JavaScript's `encodeURIComponent` does.
//!
//! What the words mean, and whether there is such a class or layer, is for the page to say.

/// Each key with its value; what is no pair, or is not encoded rightly, is left out.
pub fn read(fragment: &str) -> impl Iterator<Item = (&str, String)> {
    let pairs = fragment.trim_start_matches('#').split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(key, value)| Some((key, decode(value)?)))
}

/// The fragment, without its `#`; keys are plain words, and those without a value are left out.
pub fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let written = pairs.into_iter().filter_map(|(key, value)| Some([key, "=", &encode(&value?)].concat()));
    written.collect::<Vec<_>>().join("&")
}

/// As JavaScript's `encodeURIComponent`.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

/// As `decodeURIComponent`; `None` where that throws.
fn decode(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => (digit(bytes.next()?)? * 16 + digit(bytes.next()?)?) as u8,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let pairs = [("model", "a&b=c#d %/é猫"), ("class", "12"), ("method", "grad-cam++"), ("empty", "")];
        let fragment =
            write(pairs.map(|(key, value)| (key, Some(value.to_owned()))).into_iter().chain([("absent", None)]));
        let expected = "model=a%26b%3Dc%23d%20%25%2F%C3%A9%E7%8C%AB&class=12&method=grad-cam%2B%2B&empty=";
        assert_eq!(fragment, expected);
        let read: Vec<(&str, String)> = read(&fragment).collect();
        assert_eq!(read, pairs.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn what_is_not_encoded_rightly_is_left_out() {
        for fragment in ["", "#", "model", "layer=%", "layer=%2", "layer=%zz", "layer=%ff", "layer=%é", "layer=%+1"] {
            assert_eq!(read(fragment).count(), 0, "{fragment}");
        }
        assert_eq!(
            read("##a=1&&b&=2&c=%41").collect::<Vec<_>>(),
            [("a", "1".into()), ("", "2".into()), ("c", "A".into())]
        );
    }
}
