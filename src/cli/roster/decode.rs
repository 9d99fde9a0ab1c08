//! Decodes the bytes of a file: UTF-8, UTF-16 with a byte order mark, and otherwise Windows-1252, which spreadsheets write.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text of a file.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let without_mark = match Encoding::for_bom(bytes) {
        Some((encoding, _)) if encoding == UTF_16LE || encoding == UTF_16BE => encoding,
        _ if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        _ => WINDOWS_1252,
    };
    without_mark.decode(bytes).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_spreadsheets_are_decoded() {
        let name = "id,name\n1,Zoë €\n";
        let utf_16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let units = name.encode_utf16().flat_map(bytes);
            mark.into_iter().chain(units).collect::<Vec<u8>>()
        };
        for bytes in [
            name.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", name.as_bytes()].concat(),
            utf_16([0xff, 0xfe], u16::to_le_bytes),
            utf_16([0xfe, 0xff], u16::to_be_bytes),
            b"id,name\n1,Zo\xeb \x80\n".to_vec(),
        ] {
            assert_eq!(text(&bytes), name);
        }
    }
}
