//! The console at `/console`: static pages that call the API, embedded in the binary, and the sign-in of the staff with an identity
//! provider. The pages know tokens and cookies; only the routes here set cookies. Every path that names no file is the page, which
//! shows what the path means.

mod sign_in;

use actix_web::{HttpRequest, HttpResponse, middleware, web};
use rust_embed::Embed;

use crate::asset::{self, Asset, CachePolicy};

/// The output of `npm run build` in `web/console`; empty if it was not run before the build.
#[derive(Embed)]
#[folder = "web/console/dist/"]
struct Bundle;

const INDEX: &str = "index.html";

/// Registers `/console` and everything below it.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/console/session", web::get().to(sign_in::session))
        .route("/console/sign-in", web::get().to(sign_in::begin))
        .route("/console/callback", web::get().to(sign_in::callback))
        .route("/console/sign-out", web::post().to(sign_in::sign_out))
        .service(
            web::resource(["/console", "/console/{path:.*}"])
                .wrap(middleware::Compress::default())
                .route(web::get().to(file))
                .route(web::head().to(file)),
        );
}

async fn file(request: HttpRequest) -> HttpResponse {
    let path = request.match_info().get("path").unwrap_or_default();
    // A page of the console has no extension in its path.
    let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
    let (path, keep) = if is_page {
        (INDEX, CachePolicy::UntilChanged)
    } else if path.starts_with("assets/") {
        (path, CachePolicy::Forever)
    } else {
        (path, CachePolicy::UntilChanged)
    };
    match Bundle::get(path) {
        Some(file) => {
            let kind = file.metadata.mimetype().to_owned();
            Asset::new(kind, file.data, keep).answer(&request)
        }
        None if is_page => not_built(),
        None => asset::not_found(),
    }
}

fn not_built() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .body(
            "The console is not part of this program, because it was built without npm. Build it again after `make web`, or use \
             the playground at /.\n",
        )
}

#[cfg(test)]
mod tests;
