//! Only permitted documents run without the guard, and their responses equal those under the guard.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, atomic::Ordering},
};

use async_graphql::{
    Request, Response, Variables,
    extensions::ExtensionContext,
    parser::{
        parse_query, parse_schema,
        types::{BaseType, Type, TypeKind, TypeSystemDefinition},
    },
    value,
};
use uuid::Uuid;

use crate::{
    auth::Caller,
    decide::{EvaluationBudget, MAX_EVALUATIONS},
    store::{
        listings::{self, MemberFilter},
        page::Listed,
    },
};

use super::{Kind, Role, TestClub, context_data, gid};
use crate::graphql::{
    admission::ConcurrencyLimiter,
    executor::Schemas,
    http::{
        guard::{Kind as Operation, guarded},
        limits::Limits,
    },
    prompt::{Way, text},
    reach::Reach,
    roles::may,
    schema::{self, sdl},
};

const ROLES: [Role; 4] = [Role::Admin, Role::App, Role::Reader, Role::Member];

fn request(house: &TestClub, caller: Caller, query: &str) -> Request {
    let variables = Variables::from_value(value!({ "first": 1, "yes": true }));
    let mut request = Request::new(query).variables(variables);
    context_data(house.app.clone(), caller, &mut request.data);
    request
}

fn caller(house: &TestClub, role: Role, ann: Uuid) -> Caller {
    house.caller(role, (role == Role::Member).then_some(ann))
}

async fn executed(schemas: &Schemas, house: &TestClub, caller: Caller, query: &str) -> Response {
    let request = request(house, caller.clone(), query);
    let schemas = schemas.clone();
    schemas
        .response(house.app.clone(), caller, Some(Operation::Query), request)
        .await
}

/// The data of a response as JSON text.
fn data(response: &Response) -> String {
    let mut written = Vec::new();
    text::write(&mut written, &response.data).unwrap();
    String::from_utf8(written).unwrap()
}

fn json(response: &Response) -> (serde_json::Value, serde_json::Value) {
    let errors = serde_json::to_value(&response.errors).unwrap();
    (serde_json::from_str(&data(response)).unwrap(), errors)
}

/// Documents of many kinds, about the member's own data and that of others.
fn documents(house: &TestClub, ann: Uuid, bob: Uuid) -> Vec<String> {
    let (own, other) = (gid(Kind::Member, ann), gid(Kind::Member, bob));
    let (front, club) = (
        gid(Kind::Lock, house.front),
        gid(Kind::Club, house.scope.club),
    );
    let held = "entitlements { __typename id updatedAt ... on Membership { status blocked { since } }
        ... on Registration { asGuest } ... on Entitlement { endsAt ... on Purchase { status } offering { name } } }";
    let mut documents: Vec<String> = [
        "query($first: Int) { members(first: $first) { nodes { name tags } pageInfo { endCursor } totalCount } }",
        "query($first: Int, $yes: Boolean!) { members(first: $first) { edges { node { ...M email @skip(if: $yes) } } } }
            fragment M on Member { id held: entitlements { ...E } } fragment E on Entitlement { id source { name } }",
        "query A { club { name } } query B { viewer { role } }",
        "query A { club { name } } subscription B { accessEvents { id } }",
        "{ rules { nodes { target { __typename ... on Lock { name } ... on Group { id } } conditions { __typename } } } }",
        "{ __typename __schema { queryType { name } } __type(name: \"Member\") { fields { name } } }",
        "{ a: club { name } b: club { id: name } ... { c: club { timeZone } } ... on Query { viewer { tokenName } } }",
        "{ history { nodes { __typename id message target { ... on Lock { name } } } } deliveries { totalCount } }",
        "{ members(first: 3) { nodes { name entitlements { id offering { name } } } nodes { email entitlements { offering { id } } }
            nodes { ... @include(if: true) { tags } ... on Node { id } ... on Member { name: name } } } }",
        "{ members(first: 3) { nodes { name @skip(if: true) } edges { cursor @include(if: false) node { id } } } }",
        "{ members(first: 3) { nodes { doors { until lock { name place { name } } } access { code target { __typename } } } } }",
        "{ viewer { role member { name ...N } role member { email doors { lock { id } } } } } fragment N on Member { name doors { until } }",
        // Errors in nullable and non-null positions, and before anything is resolved.
        "{ before: club { name } member(id: \"no id\") { name } after: club { name } }",
        "{ club { name } members(first: 251) { nodes { name } } }",
        "{ club { nonsense } }",
        "{ ... on Nonsense { name } club { ...Missing } }",
        "{ club { ...F } } fragment F on Club { name ...F }",
        "{ club ",
        "query($missing: ID!) { member(id: $missing) { name } }",
        "query($first: String) { member(id: $first) { name } }",
        "mutation { endShare(share: \"no id\") { userErrors { message } } }",
        "subscription { accessEvents { id } }",
    ]
    .map(str::to_owned)
    .into();
    documents.extend([
        format!("{{ viewer {{ role member {{ name doors {{ lock {{ name place {{ id }} }} until }} {held} }} }} }}"),
        format!("{{ nodes(ids: [\"{own}\", \"{front}\", \"{club}\"]) {{ id __typename ... on Member {{ email }} ... on Lock {{ name }} }} }}"),
        format!("{{ node(id: \"{own}\") {{ ... on Node {{ id }} ...M }} }} fragment M on Member {{ name {held} }}"),
        format!("{{ node(id: \"{other}\") {{ id ... on Member {{ shares {{ from }} suspension {{ id }} companies {{ name }} }} }} }}"),
        format!("{{ explain(member: \"{own}\", target: \"{front}\") {{ decision {{ allowed code }} fixes {{ code }} }} }}"),
        format!("{{ explain(member: \"{own}\", target: \"{front}\") {{ rules {{ holds }} }} }}"),
        format!("{{ node(id: \"{front}\") {{ ... on Lock {{ allowedMembers(first: 2) {{ nodes {{ name }} }} }} }} }}"),
    ]);
    documents
}

#[tokio::test]
async fn responses_to_every_role_equal_those_under_the_guard() {
    let house = TestClub::new().await;
    let (ann, bob) = (house.member("ann").await, house.member("bob").await);
    let schemas = Schemas::new(house.schema.clone()).unwrap();
    for role in ROLES {
        let (mut as_text, mut as_tree) = (0, 0);
        for query in documents(&house, ann, bob) {
            let caller = caller(&house, role, ann);
            let mut asked = request(&house, caller.clone(), &query);
            match schemas.way(role, &mut asked) {
                Some(Way::Text) => as_text += 1,
                Some(Way::Tree) => as_tree += 1,
                None => {}
            }
            let asked = request(&house, caller.clone(), &query);
            let count = || house.reads.load(Ordering::Relaxed);
            let before = count();
            let under_guard = house.schema.execute(asked).await;
            let between = count();
            let answered = executed(&schemas, &house, caller, &query).await;
            if answered.errors.is_empty() {
                assert_eq!(count() - between, between - before, "{role:?}: {query}");
            }
            let text = |response: &Response| json(response);
            assert_eq!(text(&answered), text(&under_guard), "{role:?}: {query}");
        }
        assert!(as_text >= 4, "{role:?}: {as_text}");
        assert!(as_tree >= 1, "{role:?}: {as_tree}");
    }
}

#[tokio::test]
async fn a_query_that_gets_no_slot_in_time_is_refused() {
    let house = TestClub::new().await;
    let mut schemas = Schemas::new(house.schema.clone()).unwrap();
    schemas.admission = Arc::new(ConcurrencyLimiter::new(0, std::time::Duration::ZERO));
    let reader = house.caller(Role::Reader, None);
    let response = executed(&schemas, &house, reader, "{ club { name } }").await;
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
    let schemas = Schemas::new(house.schema.clone()).unwrap();
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
        let response = executed(&schemas, &house, reader(), &document(count)).await;
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
    let response = house.schema.execute(spending).await;
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
        house.schema.execute(request).await
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
    let schemas = Schemas::new(house.schema.clone()).unwrap();
    let ann = house.member("ann").await;
    // Fields that wait for the database come before those that do not.
    let query = "{ member(email: \"ann@example.com\") { entitlements { offering { name } ... on Membership { status } id }
        name ... on Member { suspension { id } email } __typename } }";
    let response = executed(&schemas, &house, caller(&house, Role::Reader, ann), query).await;
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
    let schemas = Schemas::new(house.schema.clone()).unwrap();
    let query = "{ before: club { name } member(id: \"no id\") { name } after: club { name } }";
    for role in ROLES {
        let response = executed(&schemas, &house, caller(&house, role, ann), query).await;
        let data = serde_json::to_string(&response.data).unwrap();
        let before_and_after = data.matches("Sailing club").count();
        assert!(
            data.contains("\"member\":null") && before_and_after == 2,
            "{role:?}: {data}"
        );
        assert_eq!(response.errors.len(), 1);
    }
}

/// The fields, as (type, field), that were checked in one request.
type Asked = Arc<Mutex<BTreeSet<(String, String)>>>;

/// A permission check that permits and records every field.
fn remember(
    context: &ExtensionContext<'_>,
    parent: &str,
    field: &str,
) -> Result<(), async_graphql::Error> {
    let asked = context.data::<Asked>()?;
    asked
        .lock()
        .unwrap()
        .insert((parent.to_owned(), field.to_owned()));
    Ok(())
}

/// The check before execution covers every field that execution would check.
#[tokio::test]
async fn every_field_checked_during_execution_is_checked_before() {
    let house = TestClub::new().await;
    let (ann, bob) = (house.member("ann").await, house.member("bob").await);
    let schema = guarded(schema::builder(), Limits::default(), remember).finish();
    let schemas = Schemas::new(house.schema.clone()).unwrap();
    let reach = Reach::of(&sdl()).unwrap();
    let mut compared = 0;
    for query in documents(&house, ann, bob) {
        let caller = caller(&house, Role::Admin, ann);
        let mut request = request(&house, caller, &query);
        if schemas.way(Role::Admin, &mut request).is_none() {
            continue;
        }
        let document = parse_query(&query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let before = Asked::default();
        reach.all(&document, &operation.node, |parent, field| {
            let pair = (parent.to_owned(), field.to_owned());
            before.lock().unwrap().insert(pair);
            true
        });
        let asked = Asked::default();
        request.data.insert(asked.clone());
        schema.execute(request).await;
        let (before, asked) = (before.lock().unwrap(), asked.lock().unwrap());
        let missed: Vec<_> = asked.difference(&before).collect();
        assert!(missed.is_empty(), "{query}: {missed:?}");
        compared += asked.len();
    }
    assert!(compared > 60, "{compared}");
}

/// The schema's types: fields and possible object types.
struct Map {
    fields: BTreeMap<String, Vec<(String, String)>>,
    objects: BTreeMap<String, BTreeSet<String>>,
}

impl Map {
    fn new() -> Self {
        let (mut fields, mut objects) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for definition in parse_schema(sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let listed = match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        let of = objects.entry(interface.node.to_string()).or_default();
                        of.insert(name.clone());
                    }
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|member| member.node.to_string());
                    objects.insert(name, members.collect());
                    continue;
                }
                _ => continue,
            };
            let leads = |kind: &Type| {
                let mut base = &kind.base;
                while let BaseType::List(inner) = base {
                    base = &inner.base;
                }
                let BaseType::Named(name) = base else {
                    unreachable!()
                };
                name.to_string()
            };
            let listed = listed.iter().map(|field| {
                let field = &field.node;
                (field.name.node.to_string(), leads(&field.ty.node))
            });
            fields.insert(name, listed.collect());
        }
        Self { fields, objects }
    }

    fn is_composite(&self, kind: &str) -> bool {
        self.fields.contains_key(kind) || self.objects.contains_key(kind)
    }

    /// The path from Query to each type, over permitted fields only.
    fn ways(&self, passes: impl Fn(&str, &str) -> bool) -> BTreeMap<String, Vec<String>> {
        let mut ways = BTreeMap::from([("Query".to_owned(), Vec::new())]);
        let mut next = VecDeque::from(["Query".to_owned()]);
        while let Some(at) = next.pop_front() {
            let way = ways[&at].clone();
            let over_fields = self.fields.get(&at).into_iter().flatten();
            let over_fields = over_fields
                .filter(|(field, _)| passes(&at, field))
                .map(|(field, to)| (field.clone(), to.clone()));
            let over_objects = self.objects.get(&at).into_iter().flatten();
            let over_objects = over_objects.map(|to| (format!("... on {to}"), to.clone()));
            for (step, to) in over_fields.chain(over_objects) {
                if self.is_composite(&to) && !ways.contains_key(&to) {
                    ways.insert(to.clone(), [way.clone(), vec![step]].concat());
                    next.push_back(to);
                }
            }
        }
        ways
    }
}

#[tokio::test]
async fn a_document_with_a_forbidden_field_runs_under_the_guard() {
    let house = TestClub::new().await;
    let schemas = Schemas::new(house.schema.clone()).unwrap();
    let map = Map::new();
    for role in ROLES {
        let open = map.ways(|kind, field| may(role, kind, field));
        let (mut seen, mut hidden) = (0, 0);
        for (kind, way) in map.ways(|_, _| true) {
            let (is_open, way) = open
                .get(&kind)
                .map_or((false, way), |way| (true, way.clone()));
            for (field, to) in map.fields.get(&kind).into_iter().flatten() {
                let mut query = field.clone();
                if map.is_composite(to) {
                    query.push_str(" { __typename }");
                }
                for step in way.iter().rev() {
                    query = format!("__typename {step} {{ __typename {query} }}");
                }
                let asked = &mut Request::new(format!("{{ {query} }}"));
                let needs_no_guard = schemas.way(role, asked).is_some();
                let is_seen = is_open && may(role, &kind, field);
                assert_eq!(needs_no_guard, is_seen, "{role:?}: {query}");
                (seen, hidden) = (seen + usize::from(is_seen), hidden + usize::from(!is_seen));
            }
        }
        let is_member = role == Role::Member;
        assert!(seen > if is_member { 60 } else { 250 }, "{role:?}: {seen}");
        assert_eq!(hidden > 100, is_member, "{role:?}: {hidden}");
    }
}

/// Each fragment spreads the next one twice: expanding them all would take exponential time.
#[test]
fn the_field_check_is_linear_in_the_text() {
    let reach = Reach::of(&sdl()).unwrap();
    let mut text = "{ nodes(ids: []) { ...F0 } }".to_owned();
    for n in 0..40 {
        let next = n + 1;
        text.push_str(&format!(
            " fragment F{n} on Node {{ id ... on Member {{ entitlements {{ offering {{ name }} }} }} ...F{next} ... on Node {{ ...F{next} }} }}"
        ));
    }
    text.push_str(" fragment F40 on Node { id }");
    let document = parse_query(&text).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let asked = std::cell::Cell::new(0_usize);
    let proven = reach.all(&document, &operation.node, |_, _| {
        asked.set(asked.get() + 1);
        true
    });
    assert!(proven && asked.get() < 40 * 25 * 3, "{}", asked.get());
}
