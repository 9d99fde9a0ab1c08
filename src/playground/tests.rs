//! Tests of the playground's HTTP responses, with and without the bundle: content types, ETags and the headers that restrict
//! the page to this server. Browser tests cover the pages themselves.

use actix_web::{
    App,
    dev::ServiceResponse,
    http::{Method, StatusCode, header},
    test,
};

use super::*;

async fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> ServiceResponse {
    let app = test::init_service(App::new().configure(configure)).await;
    let mut request = test::TestRequest::get().uri(path);
    for &(ref name, value) in headers {
        request = request.insert_header((name.clone(), value));
    }
    test::call_service(&app, request.to_request())
        .await
        .map_into_boxed_body()
}

fn header_of(response: &ServiceResponse, name: header::HeaderName) -> &str {
    response
        .headers()
        .get(name)
        .expect("the header is there")
        .to_str()
        .expect("it is text")
}

#[actix_web::test]
async fn every_response_restricts_the_page_to_this_server() {
    for (path, status, kind) in [
        ("/", StatusCode::OK, "text/html; charset=utf-8"),
        (
            "/playground/plain.js",
            StatusCode::OK,
            "text/javascript; charset=utf-8",
        ),
        (
            "/playground/listen.js",
            StatusCode::OK,
            "text/javascript; charset=utf-8",
        ),
        (
            "/playground/session.js",
            StatusCode::OK,
            "text/javascript; charset=utf-8",
        ),
        (
            "/playground/plain.css",
            StatusCode::OK,
            "text/css; charset=utf-8",
        ),
        ("/playground/icon.svg", StatusCode::OK, "image/svg+xml"),
        (
            "/playground/operations.json",
            StatusCode::OK,
            "application/json",
        ),
        (
            "/playground/index.html",
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
        ),
        (
            "/playground/..%2Findex.html",
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
        ),
    ] {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), kind, "{path}");
        assert_eq!(
            header_of(&response, header::X_CONTENT_TYPE_OPTIONS),
            "nosniff"
        );
        assert_eq!(header_of(&response, header::REFERRER_POLICY), "no-referrer");
        let policy = header_of(&response, header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
    }
}

#[actix_web::test]
async fn a_browser_with_the_current_file_gets_no_body() {
    let first = get("/playground/operations.json", &[]).await;
    let tag = header_of(&first, header::ETAG).to_owned();
    assert_eq!(header_of(&first, header::CACHE_CONTROL), "no-cache");
    let again = get(
        "/playground/operations.json",
        &[(header::IF_NONE_MATCH, &tag)],
    )
    .await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(test::read_body(again).await.is_empty());
    let other = get(
        "/playground/operations.json",
        &[(header::IF_NONE_MATCH, "\"other\"")],
    )
    .await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[actix_web::test]
async fn the_plain_page_lists_the_operations_in_order() {
    let body = test::read_body(get("/playground/operations.json", &[]).await).await;
    let texts: Vec<String> = serde_json::from_slice(&body).expect("a list of texts");
    assert!(texts.len() >= 14, "{}", texts.len());
    assert!(
        texts
            .first()
            .is_some_and(|text| text.contains("query WhoAmI"))
    );
    assert!(
        texts
            .iter()
            .all(|text| text.starts_with("# ") && text.contains("\n# group: "))
    );
}

#[actix_web::test]
async fn the_plain_page_finds_all_of_its_parts() {
    let app = test::init_service(App::new().route(
        "/",
        web::get().to(|request: HttpRequest| async move { plain::page().answer(&request) }),
    ))
    .await;
    let page = test::call_and_read_body(&app, test::TestRequest::get().uri("/").to_request()).await;
    let page = String::from_utf8(page.to_vec()).expect("UTF-8");
    let parts: Vec<_> = page
        .split("\"./playground/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(parts, ["icon.svg", "plain.css", "plain.js"]);
    for part in parts {
        assert!(plain::part(part).is_some(), "{part}");
    }
    assert!(!page.contains("<script>") && !page.contains("<style"));
}

#[actix_web::test]
async fn the_bundled_page_finds_all_of_its_parts_and_they_are_cacheable() {
    let Some(index) = Bundle::get(INDEX) else {
        return;
    };
    let page = String::from_utf8(index.data.into_owned()).expect("UTF-8");
    let parts: Vec<_> = page
        .split("\"./playground/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(!parts.is_empty());
    for part in parts {
        let response = get(&format!("/playground/{part}"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{part}");
        assert!(header_of(&response, header::CACHE_CONTROL).contains("immutable"));
    }
    assert!(!page.contains("<script>") && !page.contains("//"));
}

#[actix_web::test]
async fn head_is_allowed_and_post_is_not() {
    let app = test::init_service(App::new().configure(configure)).await;
    for (method, status) in [
        (Method::HEAD, StatusCode::OK),
        (Method::POST, StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let request = test::TestRequest::default()
            .method(method)
            .uri("/")
            .to_request();
        assert_eq!(test::call_service(&app, request).await.status(), status);
    }
}

#[actix_web::test]
async fn large_files_are_compressed() {
    let response = get("/playground/plain.js", &[(header::ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(header_of(&response, header::CONTENT_ENCODING), "gzip");
}
