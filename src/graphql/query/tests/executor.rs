//! The execution of prepared operations: admission, cost, the order of fields, and failed fields.

use std::sync::{Arc, atomic::Ordering};

use async_graphql::{Request, Response};
use uuid::Uuid;

use crate::auth::Caller;
use crate::{
    decide::{EvaluationBudget, MAX_EVALUATIONS},
    store::{
        listings::{self, MemberFilter},
        page::Listed,
    },
};

use super::{Kind, Role, TestClub, gid};
use crate::graphql::{
    admission::ConcurrencyLimiter, prepare::OperationKind, resolve::json, service::GraphqlService,
};
use crate::graphql::{roles::ALL, schema::context_data};

fn request(house: &TestClub, caller: Caller, query: &str) -> Request {
    let mut request = Request::new(query);
    context_data(house.app.clone(), caller, &mut request.data);
    request
}

fn caller(house: &TestClub, role: Role, ann: Uuid) -> Caller {
    house.caller(role, (role == Role::Member).then_some(ann))
}

async fn executed(
    service: &GraphqlService,
    house: &TestClub,
    caller: Caller,
    query: &str,
) -> Response {
    let mut request = Request::new(query);
    let kind = service.prepare(caller.role, &mut request).unwrap();
    assert_eq!(kind, OperationKind::Query);
    service
        .respond(house.app.clone(), caller, kind, request)
        .await
}

/// The data of a response as JSON text.
fn data(response: &Response) -> String {
    let mut written = Vec::new();
    json::write(&mut written, &response.data).unwrap();
    String::from_utf8(written).unwrap()
}

#[tokio::test]
async fn a_query_that_gets_no_slot_in_time_is_refused() {
    let house = TestClub::new().await;
    let mut service = house.service.clone();
    service.admission = Arc::new(ConcurrencyLimiter::new(0, std::time::Duration::ZERO));
    let reader = house.caller(Role::Reader, None);
    let response = executed(&service, &house, reader, "{ club { name } }").await;
    let error = serde_json::to_value(&response.errors[0]).unwrap();
    assert_eq!(
        error["extensions"],
        serde_json::json!({ "code": "TOO_COMPLEX", "limit": "concurrency" })
    );
}

/// Equal filters of one document share one evaluation; a document with too many different ones is refused.
#[tokio::test]
async fn a_document_evaluates_a_target_once_and_no_more_members_than_its_share() {
    let house = TestClub::new().await;
    let reader = || house.caller(Role::Reader, None);
    let lock = gid(Kind::Lock, house.front);
    let document = |count: usize| {
        let filter = format!("filter: {{ target: \"{lock}\", allowed: false }}");
        let lists =
            (0..count).map(|n| format!("a{n}: members(first: 0, {filter}) {{ totalCount }} "));
        format!("{{ {} }}", lists.collect::<String>())
    };
    let cost = async |count| {
        let before = house.reads.load(Ordering::SeqCst);
        let response = executed(&house.service, &house, reader(), &document(count)).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        house.reads.load(Ordering::SeqCst) - before
    };
    assert_eq!(cost(1).await, cost(150).await);
    let whole = cost(1).await;
    // The first evaluation of a document covers the whole club regardless of the limit, and leaves nothing for the second.
    let mut spending = request(&house, reader(), "{ club { name } }");
    let evaluations = Arc::new(EvaluationBudget::new(house.app.evaluations.clone()));
    let first = evaluations.begin();
    evaluations.spend(&first, MAX_EVALUATIONS + 1).unwrap();
    spending.query = document(1);
    spending.data.insert(evaluations);
    let before = house.reads.load(Ordering::SeqCst);
    let response = house.service.run(spending).await;
    assert_too_many_evaluations(&response);
    assert!(
        house.reads.load(Ordering::SeqCst) - before < whole,
        "a count is refused before any member is evaluated"
    );
}

fn assert_too_many_evaluations(response: &Response) {
    let error = serde_json::to_value(&response.errors[0]).unwrap();
    assert_eq!(
        error["extensions"],
        serde_json::json!({ "code": "TOO_COMPLEX", "limit": "evaluations" })
    );
}

/// A preview evaluates every member once, and once more per condition; that is its cost.
#[tokio::test]
async fn the_cost_of_a_preview_is_members_times_conditions() {
    let house = TestClub::new().await;
    let everybody = listings::members(house.scope, &MemberFilter::default());
    let members = everybody.count(&house.app.db).await.unwrap();
    assert!(members > 1);
    let lock = gid(Kind::Lock, house.front);
    let response = async |conditions: usize, left: u64| {
        let conditions = "{ tag: { tags: [\"staff\"] } } ".repeat(conditions);
        let mut request = request(
            &house,
            house.caller(Role::Admin, None),
            &format!(
                "{{ previewRule(change: {{ create: {{ name: \"staff\", target: \"{lock}\", conditions: [{conditions}] }} }}) {{ basedOn }} }}"
            ),
        );
        let evaluations = Arc::new(EvaluationBudget::new(house.app.evaluations.clone()));
        evaluations
            .spend(&evaluations.begin(), MAX_EVALUATIONS - left)
            .unwrap();
        request.data.insert(evaluations);
        house.service.run(request).await
    };
    for conditions in [1, 20] {
        let price = members * (1 + conditions as u64);
        let affordable = response(conditions, price).await;
        assert!(affordable.errors.is_empty(), "{:?}", affordable.errors);
        assert_too_many_evaluations(&response(conditions, price - 1).await);
    }
}

#[tokio::test]
async fn fields_are_returned_in_document_order() {
    let house = TestClub::new().await;
    let ann = house.member("ann").await;
    // Fields that wait for the database come before those that do not.
    let query = "{ member(email: \"ann@example.com\") { entitlements { offering { name } ... on Membership { status } id }
        name ... on Member { suspension { id } email } __typename } }";
    let response = executed(
        &house.service,
        &house,
        caller(&house, Role::Reader, ann),
        query,
    )
    .await;
    let text = data(&response);
    let names = [
        "entitlements",
        "offering",
        "status",
        "id",
        "name",
        "suspension",
        "email",
        "__typename",
    ];
    let mut rest = text.as_str();
    for name in names {
        let (_, after) = rest
            .split_once(&format!("\"{name}\":"))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        rest = after;
    }
}

#[tokio::test]
async fn a_nullable_field_that_fails_is_null() {
    let house = TestClub::new().await;
    let ann = house.member("ann").await;
    let query = "{ before: club { name } member(id: \"no id\", email: \"no mail\") { name } after: club { name } }";
    for (_, role) in ALL {
        let response = executed(&house.service, &house, caller(&house, role, ann), query).await;
        let data = data(&response);
        let before_and_after = data.matches("Example Club").count();
        assert!(
            data.contains("\"member\":null") && before_and_after == 2,
            "{role:?}: {data}"
        );
        assert_eq!(response.errors.len(), 1);
    }
}

#[tokio::test]
async fn repeated_and_skipped_selections_are_resolved_as_one_field_each() {
    let house = TestClub::new().await;
    let reader = || house.caller(Role::Reader, None);
    let query = "{ viewer { role @skip(if: true) } club { name } ...R viewer { role } }
        fragment R on Query { club { timeZone name } ...R2 } fragment R2 on Query { club { id @skip(if: true) } }";
    let response = executed(&house.service, &house, reader(), query).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    assert_eq!(
        data(&response),
        r#"{"viewer":{"role":"READER"},"club":{"name":"Example Club","timeZone":"Europe/Berlin"}}"#
    );
    let query = "{ club { name @skip(if: true) } }";
    let response = executed(&house.service, &house, reader(), query).await;
    assert_eq!(data(&response), r#"{"club":{}}"#);
    let query = "{ club @skip(if: true) { name } }";
    let response = executed(&house.service, &house, reader(), query).await;
    assert_eq!(data(&response), "{}");
    // One field that fails is one error, however often it is selected.
    let query =
        r#"{ member(id: "no id", email: "x") { name } member(id: "no id", email: "x") { email } }"#;
    let response = executed(&house.service, &house, reader(), query).await;
    assert_eq!(data(&response), r#"{"member":null}"#);
    assert_eq!(response.errors.len(), 1, "{:?}", response.errors);
}
