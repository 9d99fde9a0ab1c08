//! A club with many members, ten groups and twenty rules, whose Kisi account is in step, and the service as a separate process.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};

use entity::{due, kind::RevocationState, kisi_account, revocation};
use latchkey::{
    clock::Clock,
    store::{ClubScope, Db},
};
use latchkey_sandbox::{Sandbox, Switches};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    grants,
    members::{MemberGenerator, email},
    server::Server,
    service::{Service, ask, settings},
};

pub struct Club {
    pub server: Server,
    pub database: String,
    pub db: Db,
    pub scope: ClubScope,
    account: Uuid,
    pub assignments: usize,
    pub sandbox: Sandbox,
    /// The API ids of `Group 0` to `Group 9`.
    pub groups: Vec<String>,
    /// The API ids of the offerings, in the order of `Shop::offerings`.
    pub plans: Vec<String>,
    /// The API ids, in order of creation.
    pub rules: Vec<String>,
    token: SecretString,
}

impl Club {
    pub async fn open(database: &str, members: usize) -> Self {
        let sandbox = kisi();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let kisi = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(sandbox.serve(listener).expect("the sandbox"));
        let service = Service::start(database, &kisi).await;
        let named = service.connect(&sandbox.api_key()).await;
        let groups: Vec<String> = (0..10)
            .map(|it| named[&format!("Group {it}")].clone())
            .collect();
        let (now, scope) = (
            service.app.clock.now(),
            ClubScope::new(service.source.club_id),
        );
        let db = service.app.db.clone();
        let shop = MemberGenerator::open(&db, &service.source, now.micros(), members).await;
        let offerings = service
            .ask("{ offerings(first: 50) { nodes { id name } } }", json!({}))
            .await;
        let sold = offerings["offerings"]["nodes"]
            .as_array()
            .expect("offerings");
        let plans: Vec<String> = shop
            .offerings
            .iter()
            .map(|offering| {
                let node = sold.iter().find(|it| it["name"] == offering.name.as_str());
                node.expect("the offering")["id"]
                    .as_str()
                    .expect("an id")
                    .to_owned()
            })
            .collect();
        let mut rules = Vec::new();
        for rule in wordings(&groups, &plans) {
            let payload = service.ask(CREATE, json!({ "rule": rule })).await;
            let id = payload["createRule"]["rule"]["id"].as_str().expect("an id");
            rules.push(id.to_owned());
        }
        let token = service.token.clone();
        service.end().await;
        let db = Db::connect(database).await.expect("the database");
        let ids = shop.fill(&db, members).await;
        let numbers: Vec<i64> = (0..members)
            .map(|it| sandbox.add_user(&email(it), "Member"))
            .collect();
        let first = numbers.first().copied().expect("somebody");
        let account = kisi_account::Entity::find().one(db.read()).await;
        let account = account.expect("read").expect("an account").id;
        let assignments = grants::insert_grants(&db, (scope, account), &ids, first, now).await;
        let server = Server::start(&settings(database, &kisi));
        Self {
            server,
            database: database.to_owned(),
            db,
            scope,
            account,
            assignments,
            sandbox,
            groups,
            plans,
            rules,
            token,
        }
    }

    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        ask(&self.server.address, &self.token, query, variables).await
    }

    /// Edits a rule, waits until no member is due, and returns the response time of the mutation.
    pub async fn edit(&self, rule: usize, wording: Value) -> Duration {
        let began = Stopwatch::now();
        let variables = json!({ "id": self.rules[rule], "rule": wording });
        self.ask(UPDATE, variables).await;
        let answered = began.elapsed();
        self.settled().await;
        answered
    }

    /// Waits until no member is due.
    pub async fn settled(&self) {
        let began = Stopwatch::now();
        while self.is_due().await {
            assert!(began.elapsed() < Duration::from_mins(20), "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_due(&self) -> bool {
        let now = Clock::system().now().micros();
        let due = due::Entity::find()
            .filter(due::Column::AccountId.eq(self.account))
            .filter(due::Column::DueAt.lte(now));
        let unsorted = due.clone().filter(due::Column::Lane.is_null());
        let sorted = due.filter(due::Column::Lane.is_in([0, 1, 2, 3]));
        for query in [unsorted, sorted] {
            if query.one(self.db.read()).await.expect("read").is_some() {
                return true;
            }
        }
        false
    }

    /// The number of due members that are not sorted into a lane yet.
    pub async fn unsorted(&self) -> u64 {
        let now = Clock::system().now().micros();
        let due = due::Entity::find()
            .filter(due::Column::AccountId.eq(self.account))
            .filter(due::Column::DueAt.lte(now))
            .filter(due::Column::Lane.is_null());
        due.count(self.db.read()).await.expect("read")
    }

    /// The number of revocations that the brake holds.
    pub async fn held(&self) -> u64 {
        let held =
            revocation::Entity::find().filter(revocation::Column::State.eq(RevocationState::Held));
        held.count(self.db.read()).await.expect("read")
    }
}

pub const CREATE: &str = "mutation($rule: RuleInput!) { createRule(input: $rule) { rule { id } userErrors { message } } }";
const UPDATE: &str = "mutation($id: ID!, $rule: RuleInput!) \
                      { updateRule(rule: $id, input: $rule) { userErrors { message } } }";

fn kisi() -> Sandbox {
    let clock = Clock::system();
    let sandbox = Sandbox::new(Arc::new(move || clock.now().timestamp()));
    sandbox.set(Switches {
        rate: None,
        ..Switches::default()
    });
    let place = sandbox.add_place("HQ", "Europe/Berlin");
    for number in 0..10 {
        let lock = sandbox.add_lock(place, &format!("Door {number}"));
        sandbox.add_group(&format!("Group {number}"), None, &[lock]);
    }
    sandbox
}

/// Twenty rules: group 0 for any plan; nine groups for two plans each; then bookings, hours, tags, the corporate plan; the last
/// one is disabled.
fn wordings(groups: &[String], plans: &[String]) -> Vec<Value> {
    let rule = |name: &str, group: usize, conditions: Value| json!({ "name": name, "target": groups[group], "conditions": conditions });
    let plan = |of: &[&String]| json!({ "membership": { "offerings": of } });
    let mut rules = vec![big(groups, plans, 10)];
    for group in 1..10 {
        let of = plan(&[&plans[group], &plans[group - 1]]);
        rules.push(rule(&format!("Plans of {group}"), group, json!([of])));
    }
    for group in 1..5 {
        let booked = json!([{ "registration": { "kinds": ["CLASS"] } }]);
        rules.push(rule("Classes", group, booked));
    }
    let hours = json!({ "schedule": { "days": ["MONDAY", "WEDNESDAY", "FRIDAY"], "from": "06:00", "until": "09:00" } });
    rules.push(rule("Early birds", 5, json!([plan(&[&plans[0]]), hours])));
    for group in [6, 7] {
        rules.push(rule(
            "Staff",
            group,
            json!([{ "tag": { "tags": ["staff"] } }]),
        ));
    }
    rules.push(rule("Corporate", 8, json!([plan(&[&plans[10]])])));
    let studio = json!([{ "registration": { "kinds": ["ROOM"], "span": "DAY" } }]);
    rules.push(rule("Studio days", 9, studio));
    rules.push(covered(groups, false));
    rules
}

/// The rule of group 0, for the first `count` plans.
pub fn big(groups: &[String], plans: &[String], count: usize) -> Value {
    let condition = json!([{ "membership": { "offerings": plans[..count] } }]);
    json!({ "name": "Everybody", "target": groups[0], "conditions": condition })
}

/// A rule that adds no access to that of the first rule of group 0.
pub fn covered(groups: &[String], enabled: bool) -> Value {
    let condition = json!([{ "tag": { "tags": ["staff"] } }, { "membership": {} }]);
    json!({ "name": "Covered", "target": groups[0], "conditions": condition, "enabled": enabled })
}
