//! Tests of refused documents, errors of resolvers, and the nulls of failed fields.

use super::*;

#[actix_web::test]
async fn a_refused_document_is_400_or_200_by_media_type_and_has_no_data() {
    let (schema, _) = new_schema();
    let nested = |levels| {
        format!(
            "{{ {}hello{} }}",
            "own { ".repeat(levels),
            " }".repeat(levels)
        )
    };
    let (deep, deeper) = (nested(9), nested(34));
    let wide: String = (0..60).map(|n| format!("a{n}: hello ")).collect();
    for (query, code) in [
        ("{", "BAD_USER_INPUT"),
        ("{ nothing }", "BAD_USER_INPUT"),
        ("query($n: String!) { hello(name: $n) }", "BAD_USER_INPUT"),
        ("subscription { x }", "BAD_USER_INPUT"),
        ("query A { hello } query B { hello }", "BAD_USER_INPUT"),
        (deep.as_str(), "TOO_COMPLEX"),
        (deeper.as_str(), "TOO_COMPLEX"),
        (&format!("{{ {wide} }}"), "TOO_COMPLEX"),
        ("{ ...f } fragment f on Query { ...f }", "TOO_COMPLEX"),
    ] {
        let got = send(&schema, ask(query)).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::BAD_REQUEST, code),
            "{query} {}",
            got.body
        );
        assert_eq!(got.body.get("data"), None, "{query}");
        let got = send(&schema, ask(query).insert_header((header::ACCEPT, "*/*"))).await;
        assert_eq!(
            (got.status, got.body.get("data")),
            (StatusCode::OK, None),
            "{query}"
        );
    }
    let got = send(
        &schema,
        ask("{ hello }").insert_header((header::ACCEPT, "text/html")),
    )
    .await;
    assert_eq!(got.status, StatusCode::NOT_ACCEPTABLE);
}

#[actix_web::test]
async fn a_document_that_expands_exponentially_is_refused_at_once() {
    let (schema, _) = new_schema();
    let mut bomb = "{ ...f0 }".to_owned();
    for n in 0..30 {
        bomb.push_str(&format!(
            " fragment f{n} on Query {{ ...f{0} ...f{0} }}",
            n + 1
        ));
    }
    bomb.push_str(" fragment f30 on Query { hello }");
    assert_eq!(send(&schema, ask(&bomb)).await.code(), "TOO_COMPLEX");
    let mut chain = "{ ...f0 }".to_owned();
    for n in 0..6_000 {
        chain.push_str(&format!("fragment f{n} on Query{{...f{}}}", n + 1));
    }
    assert_eq!(send(&schema, ask(&chain)).await.code(), "TOO_COMPLEX");
}

#[actix_web::test]
async fn an_internal_error_is_not_shown_and_other_fields_are_answered() {
    let (schema, _) = new_schema();
    let got = send(&schema, ask("{ hello leaky }")).await;
    assert_eq!((got.status, got.code()), (StatusCode::OK, "INTERNAL"));
    assert_eq!(got.message(), "Something went wrong on our side");
    assert_eq!(got.body["data"], json!({"hello": "world", "leaky": null}));
    // The null of a failed non-null field propagates to all of the data, but the request was executed.
    let got = send(&schema, ask("{ strict }")).await;
    assert_eq!((got.status, got.code()), (StatusCode::OK, "INTERNAL"));
    assert_eq!(got.body.get("data"), Some(&Value::Null));
    assert!(!got.body.to_string().contains("SELECT"));
    let got = send(&schema, ask("{ forbidden }")).await;
    assert_eq!(
        (got.code(), got.message()),
        ("FORBIDDEN", "Only an admin may")
    );
    assert_eq!(
        got.body["errors"][0]["extensions"]["requestId"],
        "request-1"
    );
}

#[actix_web::test]
async fn a_failed_field_or_its_nearest_nullable_parent_is_null() {
    let (schema, _) = new_schema();
    for (query, data, errors) in [
        ("{ maybe { hello strict } }", json!({"maybe": null}), 1),
        (
            "{ maybe { own { strict hello } } hello }",
            json!({"maybe": null, "hello": "world"}),
            1,
        ),
        (
            "{ maybe { hello leaky } }",
            json!({"maybe": {"hello": "world", "leaky": null}}),
            1,
        ),
        ("{ hello own { own { strict } } }", Value::Null, 1),
        ("{ x: strict y: strict }", Value::Null, 2),
        (
            "{ holed { n odd } }",
            json!({"holed": [null, {"n": 1, "odd": 1}, null]}),
            2,
        ),
        (
            "{ whole { n odd } hello }",
            json!({"whole": null, "hello": "world"}),
            1,
        ),
        // The first failure of a list of non-null elements cancels the other elements.
        ("{ maybe { fallible { odd } } }", json!({"maybe": null}), 1),
        ("{ fallible { odd } }", Value::Null, 1),
        (
            "{ maybe { whole { odd } hello } }",
            json!({"maybe": {"whole": null, "hello": "world"}}),
            1,
        ),
    ] {
        let got = send(&schema, ask(query)).await;
        assert_eq!(
            (got.status, got.body.get("data")),
            (StatusCode::OK, Some(&data)),
            "{query}"
        );
        assert_eq!(
            got.body["errors"].as_array().map(Vec::len),
            Some(errors),
            "{query}"
        );
        assert_eq!(got.code(), "INTERNAL");
    }
    let got = send(&schema, ask("{ holed { odd } }")).await;
    assert_eq!(got.body["errors"][1]["path"], json!(["holed", 2, "odd"]));
}

#[actix_web::test]
async fn an_invalid_argument_is_an_error_of_the_caller() {
    let (schema, _) = new_schema();
    for query in [
        r#"{ length(of: "soon") }"#,
        r#"{ length(of: 5) }"#,
        "{ first(first: 3000000000) }",
        "{ first(first: 1.5) }",
    ] {
        let got = send(&schema, ask(query)).await;
        assert_eq!(got.code(), "BAD_USER_INPUT", "{query} {}", got.body);
        assert_ne!(got.message(), "Something went wrong on our side");
    }
    let got = send(&schema, ask(r#"{ length(of: "P1W") }"#)).await;
    assert_eq!(got.body["data"]["length"], "P7D");
}

#[actix_web::test]
async fn a_mutation_is_finished_after_its_caller_disconnects() {
    let (schema, counter) = new_schema();
    {
        let request = async_graphql::Request::new("mutation { slow }");
        let mut run = std::pin::pin!(RequestExecutor::execute(
            &schema,
            request,
            "request-1".to_owned()
        ));
        assert!(futures_util::poll!(&mut run).is_pending());
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counter.load(Ordering::SeqCst), 1);
}
