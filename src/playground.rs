//! The playground at `/`: GraphiQL if it was built into the binary, else a plain page with the same operations. All files are
//! embedded in the binary, and a Content-Security-Policy lets the page reach this server only. The routes serve static files
//! without authentication; the page asks for a token and calls the API. They never send a redirect. The HTTP server calls
//! [`configure`] if the playground is enabled.

mod plain;

use actix_web::{HttpRequest, HttpResponse, middleware, web};
use rust_embed::Embed;

use crate::asset::{self, Asset, CachePolicy};

/// The output of `npm run build` in `web/dist`; empty if it was not run before the build.
#[derive(Embed)]
#[folder = "web/dist/"]
struct Bundle;

const INDEX: &str = "index.html";

/// The licences of the bundled packages: the only asset whose name contains no hash.
const LICENCES: &str = "licenses.md";

/// Registers `GET /` and the assets below `/playground/`, compressed if the browser accepts it.
pub fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/")
            .wrap(middleware::Compress::default())
            .route(web::get().to(front_page))
            .route(web::head().to(front_page)),
    )
    .service(
        web::resource("/playground/{file}")
            .wrap(middleware::Compress::default())
            .route(web::get().to(part))
            .route(web::head().to(part)),
    );
}

async fn front_page(request: HttpRequest) -> HttpResponse {
    let page = bundled(INDEX, CachePolicy::UntilChanged).unwrap_or_else(plain::page);
    page.answer(&request)
}

async fn part(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    let keep = if file.as_str() == LICENCES {
        CachePolicy::UntilChanged
    } else {
        CachePolicy::Forever
    };
    let asset = bundled(&format!("playground/{file}"), keep).or_else(|| plain::part(&file));
    match asset {
        Some(asset) => asset.answer(&request),
        None => asset::not_found(),
    }
}

/// A file of the bundle by its path in `web/dist`.
fn bundled(path: &str, keep: CachePolicy) -> Option<Asset> {
    let file = Bundle::get(path)?;
    let kind = file.metadata.mimetype().to_owned();
    Some(Asset::new(kind, file.data, keep))
}

#[cfg(test)]
mod tests;
