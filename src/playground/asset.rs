//! One embedded file as an answer: its type, its validator, how long browsers keep it, and the
//! headers that hold the page to this server. Every answer of the playground is made here, so none
//! goes out without them; it never looks at who asks. The playground's handlers call it.

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

/// Styles may be inline because the editor sets them so; scripts may not.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; frame-ancestors 'none'";

/// How long a browser may use its copy.
#[derive(Clone, Copy)]
pub enum Keep {
    /// The name bears a hash of the content.
    Forever,
    /// Asks each time, and is told in a few bytes when nothing changed.
    UntilChanged,
}

/// A file to be served.
pub struct Asset {
    kind: String,
    body: Bytes,
    keep: Keep,
}

impl Asset {
    /// `kind` is a media type; text is said to be UTF-8.
    pub fn new(kind: String, body: Cow<'static, [u8]>, keep: Keep) -> Self {
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

    /// 200 with the file, or 304 where the browser holds it already.
    pub fn answer(self, request: &HttpRequest) -> HttpResponse {
        // Weak, since compression may change the bytes on their way.
        let tag = EntityTag::new_weak(hex::encode(Sha256::digest(&self.body)));
        let held = holds(request, &tag);
        let mut response = guarded(if held {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        });
        response.insert_header(header::ETag(tag)).insert_header((
            header::CACHE_CONTROL,
            match self.keep {
                Keep::Forever => "public, max-age=31536000, immutable",
                Keep::UntilChanged => "no-cache",
            },
        ));
        if held {
            return response.finish();
        }
        response.content_type(self.kind).body(self.body)
    }
}

/// 404 for a name that is no file of the playground.
pub fn not_found() -> HttpResponse {
    guarded(StatusCode::NOT_FOUND)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body("There is no such file.\n")
}

fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    response
}

fn holds(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|held| held.weak_eq(tag)),
        Err(_) => false,
    }
}
