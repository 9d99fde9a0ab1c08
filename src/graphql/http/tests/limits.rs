//! Tests of the limits of a document: a document at a limit is answered, and one above it is refused with the name of the limit.

use super::*;
use crate::graphql::{http::answer::mark_errors, prepare::limits::MAX_DOCUMENT_BYTES};

fn few() -> TestService {
    let limits = Limits {
        definitions: 5,
        selections: 30,
        depth: 6,
        aliases: 4,
        directives: 3,
        cost: 12,
        time: std::time::Duration::from_secs(2),
    };
    limited(&Arc::new(AtomicUsize::new(0)), limits)
}

fn nested(depth: usize) -> String {
    let around = depth - 1;
    format!(
        "{{ {}hello{} }}",
        "own { ".repeat(around),
        " }".repeat(around)
    )
}

fn aliases(count: usize) -> String {
    let all: String = (0..count).map(|n| format!("a{n}: hello ")).collect();
    format!("{{ hello: hello {all} }}")
}

fn directives(count: usize) -> String {
    let all = "...f @include(if: true) ".repeat(count - 1);
    format!("{{ {all} hello @skip(if: false) }} fragment f on Query {{ hello }}")
}

/// Spreads one fragment repeatedly, so that the text is shorter than its expansion.
fn selections(count: usize) -> String {
    let (spreads, rest) = (count / 10, count % 10);
    let (spreads, rest) = ("...f ".repeat(spreads), "hello ".repeat(rest));
    let own = "hello ".repeat(9);
    format!("{{ {spreads} {rest} }} fragment f on Query {{ {own} }}")
}

fn definitions(count: usize) -> String {
    let fragments: String = (1..count)
        .map(|n| format!("fragment f{n} on Query {{ hello }} "))
        .collect();
    let spreads: String = (1..count).map(|n| format!("...f{n} ")).collect();
    format!("{{ {spreads} }} {fragments}")
}

fn fields(count: usize) -> String {
    format!("{{ {} }}", "hello ".repeat(count))
}

fn long(bytes: usize) -> String {
    format!("{{ hello }}{}", " ".repeat(bytes - "{ hello }".len()))
}

#[actix_web::test]
async fn a_document_at_a_limit_is_answered_and_one_above_is_refused() {
    let schema = few();
    for (limit, text, most) in [
        ("depth", nested as fn(usize) -> String, 6),
        ("definitions", definitions, 5),
        ("aliases", aliases, 4),
        ("directives", directives, 3),
        ("complexity", fields, 12),
        ("size", long, MAX_DOCUMENT_BYTES),
    ] {
        let got = send(&schema, ask(&text(most))).await;
        assert_eq!(got.body.get("errors"), None, "{limit}");
        let got = send(&schema, ask(&text(most + 1))).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::BAD_REQUEST, "TOO_COMPLEX"),
            "{limit}: {}",
            got.body
        );
        let error = &got.body["errors"][0];
        assert_eq!(error["extensions"]["limit"], limit);
        assert_eq!(error["extensions"]["requestId"], "request-1");
        assert!(got.message().contains(limit), "{}", got.message());
    }
    let roomy = Limits {
        selections: 30,
        ..Limits::default()
    };
    let schema = limited(&Arc::new(AtomicUsize::new(0)), roomy);
    let got = send(&schema, ask(&selections(30))).await;
    assert_eq!(got.body.get("errors"), None, "{}", got.body);
    let got = send(&schema, ask(&selections(31))).await;
    assert_eq!(got.body["errors"][0]["extensions"]["limit"], "selections");
}

#[actix_web::test]
async fn cached_fragment_sizes_still_count_for_the_depth() {
    let schema = schema(&Arc::new(AtomicUsize::new(0)));
    // From the innermost outwards, each fragment is measured when the next one is already cached.
    let asked: String = (0..100).rev().map(|n| format!("...f{n} ")).collect();
    let mut text = format!("{{ {asked} }} fragment f100 on Query {{ hello }}");
    for n in 0..100 {
        text.push_str(&format!("fragment f{n} on Query{{...f{}}}", n + 1));
    }
    let got = send(&schema, ask(&text)).await;
    assert_eq!(
        got.body["errors"][0]["extensions"]["limit"], "depth",
        "{}",
        got.body
    );
}

#[actix_web::test]
async fn a_chain_of_unused_fragments_is_too_deep_as_well() {
    let schema = schema(&Arc::new(AtomicUsize::new(0)));
    let mut text = "{ hello } fragment f100 on Query { hello }".to_owned();
    for n in 0..100 {
        text.push_str(&format!("fragment f{n} on Query{{...f{}}}", n + 1));
    }
    let got = send(&schema, ask(&text)).await;
    let error = &got.body["errors"][0];
    assert_eq!(error["extensions"]["limit"], "depth", "{}", got.body);
}

/// A stack overflow ends the process, so the text must not reach the parser on any path.
#[actix_web::test]
async fn a_document_of_nested_brackets_is_refused_before_it_is_parsed() {
    let schema = schema(&Arc::new(AtomicUsize::new(0)));
    let deep = |open: &str, close: &str, count: usize| {
        let value = format!("{}1{}", open.repeat(count), close.repeat(count));
        format!("{{ hello @skip(if: {value}) }}")
    };
    for text in [deep("[", "]", 2_000), deep("{a:", "}", 1_500)] {
        let hash = hex::encode(Sha256::digest(&text));
        let persisted = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        for body in [
            json!({ "query": text }),
            json!({ "query": text, "extensions": persisted }),
        ] {
            let got = send(&schema, post(body.to_string())).await;
            assert_eq!(got.code(), "TOO_COMPLEX", "{}", got.body);
            assert_eq!(got.body["errors"][0]["extensions"]["limit"], "depth");
        }
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped_and_a_mutation_is_not() {
    let counter = Arc::new(AtomicUsize::new(0));
    let at_once = Limits {
        time: std::time::Duration::ZERO,
        ..Limits::default()
    };
    let schema = limited(&counter, at_once);
    let ran = schema.run(Request::new("{ hello }")).await;
    assert!(ran.errors.is_empty(), "{:?}", ran.errors);
    let mut stopped = schema.run(Request::new("{ never }")).await;
    mark_errors(&mut stopped, "request-1");
    let error = serde_json::to_value(&stopped.errors[0]).unwrap();
    assert_eq!(
        error["extensions"],
        json!({ "code": "TOO_COMPLEX", "limit": "time", "requestId": "request-1" })
    );
    assert_eq!(
        error["message"],
        "time: a query may run for 0 seconds: request less"
    );
    let changed = schema.run(Request::new("mutation { slow }")).await;
    assert!(changed.errors.is_empty(), "{:?}", changed.errors);
    assert_eq!(counter.load(Ordering::SeqCst), 1);
}
