//! Tests of the HTTP handler: requests through actix against a small schema.
//!
//! This file has the schema and the helpers; the modules below have the tests.

mod errors;
mod limits;
mod requests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::http::{StatusCode, header};
use actix_web::test::TestRequest;
use actix_web::{App, HttpRequest, web};
use async_graphql::{
    Context, EmptySubscription, ErrorExtensions, Object, Request, Response, Schema,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::SerializedResponse;
use super::{MAX_BODY_BYTES, RequestExecutor, finished, serve};
use crate::graphql::prepare::limits::Limits;
use crate::graphql::resolve::Root;
use crate::graphql::scalar::Duration;
use crate::graphql::service::GraphqlService;
use crate::store::row::Role;

struct Query;

#[Object(crate = "crate::graphql::resolve")]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        name.unwrap_or_else(|| "world".to_owned())
    }

    async fn asker(&self, ctx: &Context<'_>) -> String {
        ctx.data_opt::<&'static str>()
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    async fn length(&self, of: Duration) -> Duration {
        of
    }

    async fn first(&self, first: i32) -> i32 {
        first
    }

    async fn leaky(&self) -> async_graphql::Result<Option<String>> {
        Err("SELECT secret FROM key".into())
    }

    async fn strict(&self) -> async_graphql::Result<String> {
        Err("SELECT secret FROM key".into())
    }

    async fn forbidden(&self) -> async_graphql::Result<Option<String>> {
        let error = async_graphql::Error::new("Only an admin may");
        Err(error.extend_with(|_, extensions| extensions.set("code", "FORBIDDEN")))
    }

    async fn never(&self) -> bool {
        std::future::pending().await
    }

    async fn own(&self) -> Query {
        Query
    }

    async fn maybe(&self) -> Option<Query> {
        Some(Query)
    }

    async fn holed(&self) -> Vec<Option<Item>> {
        (0..3).map(|n| Some(Item(n))).collect()
    }

    async fn whole(&self) -> Option<Vec<Item>> {
        Some((0..3).map(Item).collect())
    }

    async fn fallible(&self) -> async_graphql::Result<Vec<Item>> {
        Ok((0..3).map(Item).collect())
    }
}

struct Item(i32);

#[Object(crate = "crate::graphql::resolve")]
impl Item {
    async fn n(&self) -> i32 {
        self.0
    }

    async fn odd(&self) -> async_graphql::Result<i32> {
        tokio::task::yield_now().await;
        if self.0 % 2 == 1 {
            Ok(self.0)
        } else {
            Err("even".into())
        }
    }
}

struct Mutation;

#[Object(crate = "crate::graphql::resolve")]
impl Mutation {
    async fn count(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        ctx.data::<Arc<AtomicUsize>>()?
            .fetch_add(1, Ordering::SeqCst);
        Ok(1)
    }

    async fn slow(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        ctx.data::<Arc<AtomicUsize>>()?
            .fetch_add(1, Ordering::SeqCst);
        Ok(1)
    }
}

type TestService = GraphqlService<Root<Query>, Root<Mutation>, EmptySubscription>;

impl RequestExecutor for TestService {
    async fn execute(&self, mut request: Request, id: String) -> Option<SerializedResponse> {
        let kind = match self.prepare(Role::Admin, &mut request) {
            Ok(kind) => kind,
            Err(refusal) => {
                let response = Response::from_errors(vec![refusal]);
                return Some(SerializedResponse::new(response, &id));
            }
        };
        let service = self.clone();
        let response =
            async move { SerializedResponse::new(service.execute(kind, request).await, &id) };
        finished(kind, response).await
    }
}

fn limits() -> Limits {
    Limits {
        depth: 8,
        cost: 50,
        ..Limits::default()
    }
}

fn schema(counter: &Arc<AtomicUsize>) -> TestService {
    limited(counter, limits())
}

fn limited(counter: &Arc<AtomicUsize>, limits: Limits) -> TestService {
    let roots = (Root(Query), Root(Mutation));
    let schema = Schema::build(roots.0, roots.1, EmptySubscription)
        .limit_complexity(limits.cost)
        .data(Arc::clone(counter))
        .finish();
    GraphqlService::new(schema, limits).unwrap()
}

async fn route(
    schema: web::Data<TestService>,
    request: HttpRequest,
    body: web::Payload,
) -> actix_web::HttpResponse {
    serve(schema.get_ref(), &request, body, "request-1", |data| {
        data.insert("the asker")
    })
    .await
}

const OWN_TYPE: &str = "application/graphql-response+json";

struct Got {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Value,
}

impl Got {
    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or("none")
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("none")
    }

    fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or("none")
    }
}

async fn send(schema: &TestService, request: TestRequest) -> Got {
    let data = web::Data::new(schema.clone());
    let app = App::new()
        .app_data(data)
        .route("/graphql", web::route().to(route));
    let app = actix_web::test::init_service(app).await;
    let response = actix_web::test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = actix_web::test::read_body(response).await;
    Got {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

fn post(body: impl Into<web::Bytes>) -> TestRequest {
    TestRequest::post()
        .uri("/graphql")
        .insert_header((header::ACCEPT, OWN_TYPE))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(body)
}

fn ask(query: &str) -> TestRequest {
    post(json!({ "query": query }).to_string())
}

fn get(parameters: &[(&str, &str)]) -> TestRequest {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    TestRequest::get()
        .uri(&format!("/graphql?{query}"))
        .insert_header((header::ACCEPT, OWN_TYPE))
}

fn new_schema() -> (TestService, Arc<AtomicUsize>) {
    let counter = Arc::new(AtomicUsize::new(0));
    (schema(&counter), counter)
}
