//! Parses deeply nested and random text on a stack that is smaller than that of any thread of the service. A stack overflow
//! ends the process, and with it the test.

use proptest::prelude::*;
use serde_json::json;

use super::*;

mod documents;
mod readings;

const SMALL_STACK: usize = 1 << 20;

/// Runs every parser on each text and returns how often one accepted it.
fn read_on_a_small_stack(texts: Vec<String>) -> usize {
    let reading = move || texts.iter().map(|text| readers_of(text)).sum();
    let thread = std::thread::Builder::new().stack_size(SMALL_STACK);
    thread.spawn(reading).unwrap().join().unwrap()
}

fn readers_of(text: &str) -> usize {
    let body = text.as_bytes();
    let mut accepted: Vec<bool> = PLATFORMS
        .map(|platform| event(platform, Some(text), body))
        .to_vec();
    accepted.push(event(Platform::Mapped, Some(text), b"{\"type\":\"x\"}"));
    accepted.push(event(Platform::Mapped, Some("{}"), body));
    for form in [false, true] {
        accepted.push(preview(text, b"{\"type\":\"x\"}", form));
        accepted.push(preview("{\"type\":\"/a\",\"events\":{}}", body, form));
    }
    for platform in READ_PLATFORMS {
        accepted.push(response(platform, body));
        accepted.push(reading(platform, body, None, &[]).is_some());
    }
    accepted.extend(SCHEMES.map(|scheme| signature(scheme, text, body)));
    accepted.extend([
        operation(body),
        parse_document(text),
        parse_message(text),
        parse_frames(body),
        cursor(text),
    ]);
    accepted.extend([id(text), roster("r.json", body), roster("r.csv", body)]);
    accepted.push(kisi_event(body));
    accepted.into_iter().filter(|accepts| *accepts).count()
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

/// Inputs for every parser that contain a value nested `depth` levels deep.
fn deep_texts(depth: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for (open, inner, close) in [("[", "", "]"), ("{\"data\":", "1", "}"), ("{a ", "a", "}")] {
        let deep = nested(open, inner, close, depth);
        texts.extend([
            format!(
                "{{\"type\":\"member.updated\",\"timestamp\":\"2026-01-05T09:30:00Z\",\"data\":{deep}}}"
            ),
            format!("{{\"query\":\"{{ a }}\",\"variables\":{{\"b\":{deep}}}}}"),
            format!("{{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{{\"query\":\"{{ a }}\",\"variables\":{deep}}}}}"),
            json!({ "query": format!("{{ a(b: {deep}) }}") }).to_string(),
            json!({ "id": "1", "type": "subscribe", "payload": { "query": deep } }).to_string(),
            format!("{{\"members\":[{{\"id\":\"1\",\"tags\":{deep}}}]}}"),
            format!("id,tags\n1,{deep}\n"),
            deep,
        ]);
    }
    let template = nested("{\"first\":[", "\"/a\"", "]}", depth);
    texts.push(format!(
        "{{\"type\":\"/type\",\"events\":{{\"x\":{{\"as\":\"member.updated\",\"data\":{template}}}}}}}"
    ));
    texts
}

#[test]
fn text_may_be_nested_as_deeply_as_it_likes() {
    assert!(read_on_a_small_stack(deep_texts(10)) > 0);
    for depth in [64, 120, 127, 128, 200_000] {
        read_on_a_small_stack(deep_texts(depth));
    }
}

#[test]
fn each_parser_accepts_its_own_format() {
    let member = json!({ "type": "member.updated", "timestamp": "2026-01-05T07:30:00Z", "data": { "id": "m", "email": "a@b.example" } });
    assert!(event(
        Platform::Canonical,
        None,
        member.to_string().as_bytes()
    ));
    assert!(operation(b"{\"query\":\"{ viewer { role } }\"}"));
    assert!(!operation(b"{\"query\":\"{ viewer { role }\"}"));
    let subscribe =
        json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ viewer { role } }" } });
    assert!(parse_message(&subscribe.to_string()));
    assert!(!parse_message("{\"type\":\"subscribe\"}"));
    assert!(cursor("RAAAAAAAAAAAAAAAAAAAAAA"));
    assert!(!cursor("AAAAAAAAAAAAAAAAAAAAAA"));
    assert!(!cursor("AAAA"));
    assert!(id("AQAAAAAAAAAAAAAAAAAAAAA"));
    assert!(id("web.kisi.io/organization/1/places/2/locks/3"));
    assert!(!id("AAAAAAAAAAAAAAAAAAAAAAA"));
    assert!(roster(
        "members.csv",
        b"id,email,name\n1,a@b.example,Zo\xeb\n"
    ));
    assert!(roster("members.json", b"{\"members\":[{\"id\":\"1\"}]}"));
    assert!(!roster("members.csv", b"shoe size\n44\n"));
    assert!(parse_frames(&[0x81, 0x80, 0, 0, 0, 0]));
    assert!(!parse_frames(&[
        0x81, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    ]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_too_odd_for_any_reader(
        odd in "[\\[\\]{}()\":,a0-9/ \\n;]{0,200}", any in ".{0,200}"
    ) {
        read_on_a_small_stack(vec![odd, any]);
    }

    #[test]
    fn no_bytes_are_too_odd_for_a_roster(body in prop::collection::vec(any::<u8>(), 0..300), mark in 0..4_usize) {
        let marks: [&[u8]; 4] = [b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"];
        let bytes = [marks[mark], &body].concat();
        let columns = [marks[mark], b"id,email,from,tags\n1,", &body].concat();
        for file in ["r.csv", "r.json"] {
            roster(file, &bytes);
            roster(file, &columns);
        }
    }

    #[test]
    fn no_signature_verifies_without_the_secret(headers in ".{0,100}", body in prop::collection::vec(any::<u8>(), 0..300)) {
        for scheme in SCHEMES {
            prop_assert!(!signature(scheme, &headers, &body));
        }
    }
}

/// The fuzz targets are a workspace of their own, which no other test compiles.
#[test]
fn fuzz_targets_name_parsers_that_exist() {
    let parsers = [include_str!("../untrusted.rs"), include_str!("document.rs")];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut checked = 0;
    for target in std::fs::read_dir(folder).unwrap() {
        let path = target.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for import in text.split("untrusted::").skip(1) {
            let list = import.split([';', '(']).next().unwrap_or_default();
            let names = list.split(|c: char| !c.is_alphanumeric() && c != '_');
            for name in names.filter(|name| !name.is_empty()) {
                let defined = ["fn", "const", "struct"].map(|kind| format!("pub {kind} {name}"));
                assert!(
                    defined
                        .iter()
                        .any(|start| parsers.iter().any(|file| file.contains(start))),
                    "{}: no parser is called {name}",
                    path.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 8, "only {checked} names were found");
}
