//! The HTTP response for an embedded file: content type, ETag, caching, and the headers that restrict the page to this server.
//! Every response of the playground and the console is built here, so all of them carry these headers.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, EntityTag, Header, IfNoneMatch},
    },
    web::Bytes,
};
use sha2::{Digest, Sha256};

/// Inline styles are allowed because the editor sets them; inline scripts are not.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; frame-ancestors 'none'";

/// How long a browser may cache a file.
#[derive(Clone, Copy)]
pub enum CachePolicy {
    /// For files whose name contains a hash of the content.
    Forever,
    /// The browser revalidates each time; an unchanged file is a 304 without a body.
    UntilChanged,
}

pub struct Asset {
    kind: String,
    body: Bytes,
    keep: CachePolicy,
}

impl Asset {
    /// `kind` is a media type; `; charset=utf-8` is added to `text/*`.
    pub fn new(kind: String, body: Cow<'static, [u8]>, keep: CachePolicy) -> Self {
        let charset = if kind.starts_with("text/") {
            "; charset=utf-8"
        } else {
            ""
        };
        let body = match body {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Self {
            kind: kind + charset,
            body,
            keep,
        }
    }

    /// 200 with the file, or 304 if the browser has the current version.
    pub fn answer(self, request: &HttpRequest) -> HttpResponse {
        // Weak, because the compression middleware may change the bytes.
        let tag = EntityTag::new_weak(hex::encode(Sha256::digest(&self.body)));
        let is_cached = etag_matches(request, &tag);
        let mut response = response_with_security_headers(if is_cached {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        });
        response.insert_header(header::ETag(tag)).insert_header((
            header::CACHE_CONTROL,
            match self.keep {
                CachePolicy::Forever => "public, max-age=31536000, immutable",
                CachePolicy::UntilChanged => "no-cache",
            },
        ));
        if is_cached {
            return response.finish();
        }
        response.content_type(self.kind).body(self.body)
    }
}

/// 404 for a name that is no embedded file.
pub fn not_found() -> HttpResponse {
    response_with_security_headers(StatusCode::NOT_FOUND)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body("file not found\n")
}

fn response_with_security_headers(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    response
}

fn etag_matches(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|cached| cached.weak_eq(tag)),
        Err(_) => false,
    }
}
