//! The web server and its routes. The same function starts it for production, demo and tests, with a given listener and app.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use crate::{
    app::App,
    auth,
    clock::new_id,
    console,
    graphql::{
        executor::CallerExecutor,
        http::{serve, unauthenticated, unavailable},
        prepare::limits::Limits,
        schema::ApiSchema,
        service::GraphqlService,
        socket,
    },
    history_export,
    ingest::accept,
    kisi_events, playground, readiness,
};
use actix_cors::Cors;
use actix_web::{
    App as Web, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    http::{Method, header},
    middleware::{Compress, Condition},
    web,
};

/// The time that a client has to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may idle between two requests: longer than proxies in front of the service keep theirs open.
const IDLE_TIME: Duration = Duration::from_secs(75);
/// The maximum number of open connections per worker thread; further ones wait to be accepted.
const CONNECTIONS: usize = 4096;

/// Builds the server on a listener; it runs once it is awaited or spawned.
pub fn server(
    app: Arc<App>,
    schema: ApiSchema,
    listener: TcpListener,
    workers: usize,
) -> io::Result<Server> {
    let service = GraphqlService::new(schema, Limits::default()).map_err(io::Error::other)?;
    let address = listener.local_addr()?;
    if address.ip().is_loopback()
        && let Ok(url) = format!("http://{address}/").parse()
    {
        // A second server of the same app, as tests start one, keeps the first one's address.
        let _ = app.loopback_url.set(url);
    }
    let server = HttpServer::new(move || {
        let with_playground = app.config.playground;
        let with_console = app.config.console;
        Web::new()
            .app_data(web::Data::from(app.clone()))
            .app_data(web::Data::new(service.clone()))
            .wrap(Condition::new(
                !app.config.cors_origins.is_empty(),
                cors(&app.config.cors_origins),
            ))
            .wrap(Compress::default())
            .configure(accept::configure)
            .configure(kisi_events::configure)
            .configure(history_export::configure)
            .service(web::resource("/graphql").to(graphql))
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readiness::readyz))
            .route("/metrics", web::get().to(metrics))
            .configure(move |config| {
                if with_playground {
                    playground::configure(config);
                }
                if with_console {
                    console::configure(config);
                }
            })
    })
    .workers(workers)
    .client_request_timeout(HEAD_TIME)
    .keep_alive(IDLE_TIME)
    .max_connections(CONNECTIONS)
    .shutdown_timeout(5)
    .listen(listener)?
    .run();
    Ok(server)
}

fn cors(origins: &[String]) -> Cors {
    let allowed = origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin));
    allowed
        // A browser sends `Origin` even to the server of its own page. Sockets pass here because `socket::open` checks their
        // origin.
        .allowed_origin_fn(|origin, head| {
            socket::is_own(origin, head) || socket::is_asked(head.headers())
        })
        .allowed_methods(["GET", "POST"])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .block_on_origin_mismatch(true)
        .max_age(3600)
}

async fn graphql(
    app: web::Data<App>,
    service: web::Data<GraphqlService>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    let request_id = new_id().to_string();
    if request.method() == Method::GET && socket::is_asked(request.headers()) {
        let service = service.get_ref().clone();
        return socket::open(app.into_inner(), service, &request, body, &request_id);
    }
    let Some(token) = auth::token(&app, request.headers()) else {
        return unauthenticated(&request, &request_id);
    };
    match CallerExecutor::authenticate(&service, app.into_inner(), &token).await {
        Ok(Some(executor)) => serve(&executor, &request, body, &request_id, |_| {}).await,
        Ok(None) => unauthenticated(&request, &request_id),
        Err(problem) => {
            tracing::error!(error = ?problem, request_id, "a token could not be looked up in the store");
            unavailable(&request, &request_id)
        }
    }
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

async fn metrics(app: web::Data<App>) -> HttpResponse {
    match app.metrics.text(&app).await {
        Ok(text) => HttpResponse::Ok()
            .content_type("text/plain; version=0.0.4")
            .body(text),
        Err(problem) => {
            tracing::error!(error = ?problem, "the metrics could not be collected");
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
