//! Measures how deeply the brackets of a document are nested, without parsing it.
//!
//! The parser recurses for each bracket, so a few kilobytes of brackets would overflow the stack and end the process. Every
//! document is scanned here before it is parsed. The scan takes one pass, recurses nowhere, and counts at least what the parser
//! descends into: brackets in strings and comments are skipped only where the parser skips them too. Called by `documents`.

/// The maximum nesting of brackets that is parsed: enough for the depth limit of fields, with room for arguments.
pub const MAX_NESTING: usize = 64;

/// Whether no bracket of the document is nested deeper than [`MAX_NESTING`].
pub fn is_parsable(document: &str) -> bool {
    let text = document.as_bytes();
    let (mut at, mut depth, mut has_block_end) = (0, 0_usize, true);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return false;
                }
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => at = end_of_line(text, at),
            b'"' => {
                if has_block_end && starts_with(text, at, b"\"\"") {
                    if let Some(end) = end_of_block_string(text, at + 2) {
                        at = end;
                        continue;
                    }
                    // The parser takes three quotes without the end of a block string for an empty string and a quote.
                    has_block_end = false;
                }
                match end_of_string(text, at) {
                    Some(end) => at = end,
                    // The parser cannot pass a string that does not end.
                    None => return true,
                }
            }
            _ => {}
        }
    }
    true
}

fn starts_with(text: &[u8], at: usize, prefix: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(prefix))
}

fn end_of_line(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    from + length.unwrap_or(rest.len())
}

/// The position after the closing quote of a string whose content begins at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The position after the closing quotes of a block string whose content begins at `at`.
fn end_of_block_string(text: &[u8], mut at: usize) -> Option<usize> {
    while at < text.len() {
        if starts_with(text, at, b"\"\"\"") {
            return Some(at + 3);
        }
        at += if starts_with(text, at, b"\\\"\"\"") {
            4
        } else {
            1
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use proptest::prelude::*;

    use super::*;

    /// Less than half of the stack of the threads that serve requests.
    const SMALL_STACK: usize = 1 << 20;

    /// Parses the documents that pass the scan, and counts the valid ones. A stack overflow would end the test process.
    fn parse_on_a_small_stack(documents: Vec<String>) -> usize {
        let parsing = move || {
            let parsable = documents.iter().filter(|text| is_parsable(text));
            parsable.filter(|text| parse_query(text).is_ok()).count()
        };
        let thread = std::thread::Builder::new().stack_size(SMALL_STACK);
        thread.spawn(parsing).unwrap().join().unwrap()
    }

    fn nested(open: &str, close: &str, depth: usize) -> String {
        format!("{}{}", open.repeat(depth), close.repeat(depth))
    }

    #[test]
    fn deep_documents_are_refused_and_the_deepest_allowed_one_is_parsed() {
        let shapes: [fn(usize) -> String; 5] = [
            |depth| format!("{{ a @skip(if: {}) }}", nested("[", "]", depth - 2)),
            |depth| {
                format!(
                    "{{ a(b: {}1{}) }}",
                    "{c: ".repeat(depth - 2),
                    "}".repeat(depth - 2)
                )
            },
            |depth| {
                format!(
                    "query($a: {}Int{}) {{ a }}",
                    "[".repeat(depth - 1),
                    "]".repeat(depth - 1)
                )
            },
            |depth| format!("query($a: Int = {}) {{ a }}", nested("[", "]", depth - 1)),
            |depth| format!("{} a {}", "{ a ".repeat(depth), "}".repeat(depth)),
        ];
        for shape in shapes {
            assert!(is_parsable(&shape(MAX_NESTING)));
            assert!(!is_parsable(&shape(MAX_NESTING + 1)));
            assert!(!is_parsable(&shape(2_000)));
        }
        let deepest = shapes.map(|shape| shape(MAX_NESTING)).to_vec();
        assert_eq!(parse_on_a_small_stack(deepest), 5);
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let deep = "[".repeat(1_000);
        for document in [
            format!("{{ a(b: \"{deep}\") }}"),
            format!("{{ a(b: \"\\\"{deep}\") }}"),
            format!("{{ a(b: \"\"\"{deep} \" \\\"\"\" {deep}\n{deep}\"\"\") }}"),
            format!("{{ a # {deep}\n}}"),
        ] {
            assert!(is_parsable(&document), "{document}");
            assert!(parse_query(&document).is_ok(), "{document}");
        }
    }

    #[test]
    fn what_only_looks_like_a_string_or_a_comment_hides_nothing() {
        let deep = "[".repeat(1_000);
        for document in [
            format!("{{ a(b: [\"\"\" \" {deep}"),
            format!("{{ a(b: [\"\" {deep}"),
            format!("{{ a(b: [\"\\\\\" {deep}"),
            format!("{{ a(b: [\"#\" {deep}"),
            format!("{{ a(b: [\"\"\"\"\"\" {deep}"),
            format!("{{ a(b: [ #\n {deep}"),
            format!("{{ a(b: [ #\r {deep}"),
        ] {
            assert!(!is_parsable(&document), "{document}");
        }
        // The parser stops where a string does not end.
        assert!(is_parsable(&format!("{{ a(b: [\" \n {deep}")));
    }

    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "\"",
            "\"\"\"",
            "\\",
            "\\\"",
            "\\\"\"\"",
            "#",
            "\n",
            "\r",
            " ",
            "a",
            "a:",
            "$a",
            "@a",
            "...",
            "on",
            "1",
            "é",
            "[[[[[[[[",
            "{a{a{a{a",
            "{a:{a:{a:",
            "(a:[",
            "query",
            "fragment f on A",
        ]);
        prop::collection::vec(piece, 0..400).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// The parser handles every document that passes the scan without exhausting a small stack.
        #[test]
        fn no_text_overflows_the_stack_of_the_parser(documents in prop::collection::vec(pieces(), 1..20)) {
            parse_on_a_small_stack(documents);
        }

        /// Deep brackets are found after any text that the parser accepts.
        #[test]
        fn brackets_behind_any_readable_prefix_are_counted(
            text in "[ a\\\\\"#é]{0,12}", block in "[ a\\\\\"#\n]{0,12}", comment in "[ a\"\\[]{0,12}"
        ) {
            let block = block.replace("\"\"\"", "\\\"\"\"");
            let prefix = format!("{{ a(b: [\"{text}\" \"\"\"{block} \"\"\" 1] #{comment}\n");
            prop_assume!(parse_query(format!("{prefix}) }}")).is_ok());
            let deep = format!("{prefix} c: {}", "[".repeat(MAX_NESTING));
            prop_assert!(!is_parsable(&deep));
            let shallow = format!("{prefix} c: 1) }}");
            prop_assert!(is_parsable(&shallow));
        }
    }
}
