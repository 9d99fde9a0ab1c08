//! Tests of the requests that are accepted, and of those refused before the document is parsed.

use super::*;

#[actix_web::test]
async fn a_valid_request_is_answered_by_get_and_post() {
    let (schema, _) = new_schema();
    let got = send(&schema, ask("{ hello asker }")).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(
        got.body,
        json!({"data": {"hello": "world", "asker": "the asker"}})
    );
    assert_eq!(
        got.header(header::CONTENT_TYPE),
        format!("{OWN_TYPE}; charset=utf-8")
    );
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
    let got = send(
        &schema,
        get(&[
            (
                "query",
                "query A { hello } query B($n: String) { hello(name: $n) }",
            ),
            ("operationName", "B"),
            ("variables", r#"{"n": "&ü"}"#),
            ("extensions", ""),
        ]),
    )
    .await;
    assert_eq!(
        (got.status, &got.body["data"]["hello"]),
        (StatusCode::OK, &json!("&ü"))
    );
}

#[actix_web::test]
async fn an_invalid_request_is_refused_with_either_media_type() {
    let (schema, _) = new_schema();
    for body in [
        "",
        "not json",
        "[]",
        r#"[{"query": "{ hello }"}]"#,
        "null",
        "{}",
        r#"{"query": null}"#,
        r#"{"query": 1}"#,
        r#"{"query": "{ hello }", "variables": []}"#,
        r#"{"query": "{ hello }", "operationName": {}}"#,
        r#"{"query": "{ hello }", "extensions": "x"}"#,
        "\u{fffd}",
    ] {
        for accept in [OWN_TYPE, "application/json"] {
            let request = post(body).insert_header((header::ACCEPT, accept));
            let got = send(&schema, request).await;
            assert_eq!(
                (got.status, got.code()),
                (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"),
                "{body}"
            );
            assert_eq!(
                got.body["errors"][0]["extensions"]["requestId"],
                "request-1"
            );
            assert_eq!(got.body.get("data"), None);
        }
    }
    for parameters in [
        vec![],
        vec![("query", "")],
        vec![("query", "{hello}"), ("variables", "{")],
        vec![("query", "{hello}"), ("query", "{asker}")],
        vec![("query", "{hello}"), ("variables", "[]")],
    ] {
        let got = send(&schema, get(&parameters)).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{parameters:?}");
    }
}

#[actix_web::test]
async fn only_json_bodies_are_accepted() {
    let (schema, counter) = new_schema();
    let body = r#"{"query": "mutation { count }"}"#;
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/json; charset=iso-8859-1",
        "application/jsonx",
        "",
    ] {
        let got = send(
            &schema,
            post(body).insert_header((header::CONTENT_TYPE, kind)),
        )
        .await;
        assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let bare = TestRequest::post().uri("/graphql").set_payload(body);
    assert_eq!(
        send(&schema, bare).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let packed = post(body).insert_header((header::CONTENT_ENCODING, "gzip"));
    assert_eq!(
        send(&schema, packed).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(counter.load(Ordering::SeqCst), 0);
    let good =
        post(body).insert_header((header::CONTENT_TYPE, "Application/JSON;Charset=\"UTF-8\""));
    assert_eq!(send(&schema, good).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_body_may_have_256_kib() {
    let (schema, _) = new_schema();
    let sized = |bytes: usize| {
        let body = r#"{"query": "{ hello }"}"#;
        post(format!("{body}{}", " ".repeat(bytes - body.len())))
    };
    assert_eq!(
        send(&schema, sized(MAX_BODY_BYTES)).await.status,
        StatusCode::OK
    );
    let got = send(&schema, sized(MAX_BODY_BYTES + 1)).await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, "BAD_USER_INPUT")
    );
    let announced = post("{}").insert_header((header::CONTENT_LENGTH, "9999999999999"));
    assert_eq!(
        send(&schema, announced).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[actix_web::test]
async fn a_mutation_by_get_is_refused_with_and_without_an_operation_name() {
    let (schema, counter) = new_schema();
    let both = "query A { hello } mutation B { count }";
    for parameters in [
        vec![("query", "mutation { count }")],
        vec![("query", "mutation M { count }"), ("operationName", "M")],
        vec![("query", both), ("operationName", "B")],
    ] {
        let got = send(&schema, get(&parameters)).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{parameters:?}");
        assert_eq!(got.header(header::ALLOW), "POST");
    }
    let got = send(&schema, get(&[("query", both), ("operationName", "A")])).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(counter.load(Ordering::SeqCst), 0);
    let got = send(&schema, TestRequest::put().uri("/graphql")).await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(got.header(header::ALLOW), "GET, POST");
}

#[actix_web::test]
async fn a_persisted_query_is_found_by_its_hash_and_its_method_is_checked() {
    let (schema, counter) = new_schema();
    let persisted = |query: &str| {
        let hash = hex::encode(Sha256::digest(query));
        json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
    };
    for (query, by_get) in [
        ("{ hello }", StatusCode::OK),
        ("mutation { count }", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let extensions = persisted(query);
        let by_hash = || post(json!({ "extensions": extensions }).to_string());
        let got = send(&schema, by_hash()).await;
        assert_eq!(
            (got.message(), got.code()),
            ("PersistedQueryNotFound", "BAD_USER_INPUT")
        );
        let full = json!({"query": query, "extensions": extensions}).to_string();
        assert_eq!(send(&schema, post(full)).await.status, StatusCode::OK);
        assert_eq!(send(&schema, by_hash()).await.status, StatusCode::OK);
        let got = send(&schema, get(&[("extensions", &extensions.to_string())])).await;
        assert_eq!(got.status, by_get, "{query}");
    }
    assert_eq!(counter.load(Ordering::SeqCst), 2);
    let long = format!("{{ hello }} # {}", "x".repeat(10_000));
    let extensions = persisted(&long);
    let full = json!({"query": long, "extensions": extensions}).to_string();
    assert_eq!(send(&schema, post(full)).await.status, StatusCode::OK);
    let got = send(
        &schema,
        post(json!({ "extensions": extensions }).to_string()),
    )
    .await;
    assert_eq!(got.message(), "PersistedQueryNotFound");
}

#[actix_web::test]
async fn a_request_without_a_token_is_refused_with_401_and_a_code() {
    let request = TestRequest::post().uri("/graphql").to_http_request();
    let answer = crate::graphql::http::unauthenticated(&request, "request-1");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.headers().get(header::WWW_AUTHENTICATE).unwrap(),
        "Bearer"
    );
    let bytes = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}
