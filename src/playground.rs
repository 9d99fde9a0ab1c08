//! The playground at `/`: GraphiQL where it was built into the binary, else a plain page with the
//! same operations. Everything comes from the binary, under a Content-Security-Policy that lets the
//! page reach this server alone. It knows nothing of the API's data and asks for no token: the page
//! does. Never reads a file while it serves, and never sends a redirect. The HTTP server calls
//! [`configure`] where the playground is switched on.

mod asset;
mod plain;

use actix_web::{HttpRequest, HttpResponse, middleware, web};
use rust_embed::Embed;

use asset::{Asset, Keep};

/// What `npm run build` leaves in `web/dist`; empty in a build without it.
#[derive(Embed)]
#[folder = "web/dist/"]
struct Bundle;

/// The front page of the bundle, by its name there.
const INDEX: &str = "index.html";

/// The one part of the bundle whose name bears no hash: the licences of what is in it.
const LICENCES: &str = "licenses.md";

/// Registers `GET /` and the assets below `/playground/`, compressed where the browser takes it.
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
    let page = bundled(INDEX, Keep::UntilChanged).unwrap_or_else(plain::page);
    page.answer(&request)
}

async fn part(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    let keep = if file.as_str() == LICENCES {
        Keep::UntilChanged
    } else {
        Keep::Forever
    };
    let found = bundled(&format!("playground/{file}"), keep);
    match found.or_else(|| plain::part(&file)) {
        Some(asset) => asset.answer(&request),
        None => asset::not_found(),
    }
}

/// A file of the bundle by its path in `web/dist`.
fn bundled(path: &str, keep: Keep) -> Option<Asset> {
    let file = Bundle::get(path)?;
    let kind = file.metadata.mimetype().to_owned();
    Some(Asset::new(kind, file.data, keep))
}

#[cfg(test)]
mod tests;
