//! The service as a process of its own, with the Kisi sandbox and a club whose rule lets everybody with a membership in. The test
//! starts, stops and kills the process, and works on the system's clock.

use std::time::Duration;

use latchkey::clock::Clock;
use latchkey_sandbox::{Sandbox, Switches};
use serde_json::{Value, json};

use super::{
    api::{Api, Signed, Source, eventually},
    child::{self, ServerProcess},
    event, world,
};

pub struct ServiceProcess {
    pub sandbox: Sandbox,
    pub settings: Vec<(&'static str, String)>,
    pub process: Option<ServerProcess>,
    pub api: Api,
    pub source: Source,
    sent: usize,
}

impl ServiceProcess {
    pub async fn start(database: &str, brake: Value) -> Self {
        let (sandbox, _kisi, url) = world::kisi(&Clock::system(), None, false);
        let settings = vec![
            ("DATABASE_URL", database.to_owned()),
            ("KISI_URL", url),
            ("KISI_RATE", "1000".to_owned()),
        ];
        let create = "club create --name Club --time-zone UTC --json";
        let create: Vec<&str> = create.split(' ').collect();
        let club = child::json(&create, &borrowed(&settings));
        let process = child::serve(&borrowed(&settings));
        let token = club["token"].as_str().unwrap().to_owned();
        let api = Api::new(process.base.clone(), token);
        let club = [("input", "UpdateClubInput!", json!({ "brake": brake }))];
        api.mutate("updateClub", &club, "club { id }").await;
        world::connect(&api, &sandbox).await;
        let group = api.named("groups", "Members").await;
        let managed = json!({ "group": group, "managed": true });
        let managed = [("input", "ManageGroupInput!", managed)];
        api.mutate("manageGroup", &managed, "group { id }").await;
        let rule =
            json!({ "name": "members", "target": group, "conditions": [{ "membership": {} }] });
        let rule = [("input", "RuleInput!", rule)];
        api.mutate("createRule", &rule, "rule { id }").await;
        let source = api.source("Front desk").await;
        Self {
            sandbox,
            settings,
            process: Some(process),
            api,
            source,
            sent: 0,
        }
    }

    /// Starts the process again, with more settings.
    pub fn serve(&mut self, more: &[(&'static str, &str)]) {
        let mut settings = borrowed(&self.settings);
        settings.extend(more);
        let process = child::serve(&settings);
        self.api = self.api.at(process.base.clone());
        self.process = Some(process);
    }

    /// An event of the source that happens now.
    pub fn event(&mut self, kind: &str, data: &Value) -> Signed {
        self.sent += 1;
        let now = Clock::system().now();
        let body = event::event(kind, now.timestamp(), data).to_string();
        let id = format!("msg_{:06}", self.sent);
        Signed::new(&self.source.secret, &id, now, body.into_bytes())
    }

    /// Sends an event that must be accepted. It can be delivered again.
    pub async fn send(&mut self, kind: &str, data: &Value) -> Signed {
        let event = self.event(kind, data);
        let answer = self.api.deliver(&self.source, event.clone()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        event
    }

    /// Lets a person in; returns the event once Kisi has the assignment.
    pub async fn let_in(&mut self, name: &str) -> Signed {
        let data = event::membership(&format!("m-{name}"), name);
        let event = self.send("membership.updated", &data).await;
        self.settled().await;
        assert!(self.has_access(name), "{name}");
        event
    }

    pub async fn settled(&self) {
        let is_settled = async || self.api.open_work().await.is_none().then_some(());
        eventually(is_settled, async || {
            format!("{:?}", self.api.open_work().await)
        })
        .await;
    }

    pub fn has_access(&self, name: &str) -> bool {
        has_access(&self.sandbox, name)
    }

    /// How many requests of this method Kisi received at paths that contain `path`.
    pub fn calls(&self, method: &str, path: &str) -> usize {
        let calls = self.sandbox.calls();
        let are_such =
            |call: &&latchkey_sandbox::Call| call.method == method && call.path.contains(path);
        calls.iter().filter(are_such).count()
    }

    /// How long Kisi takes for each response.
    pub fn latency(&self, latency: Duration) {
        let switches = self.sandbox.switches();
        self.sandbox.set(Switches {
            latency,
            ..switches
        });
    }
}

/// Whether Kisi has an assignment of a person that has not ended.
pub fn has_access(sandbox: &Sandbox, name: &str) -> bool {
    let now = Clock::system().now().timestamp();
    let rows = sandbox.assignments_of(&event::email(name));
    rows.iter()
        .any(|row| row.until.is_none_or(|until| until > now))
}

fn borrowed<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let pairs = settings.iter();
    pairs.map(|(name, value)| (*name, value.as_str())).collect()
}
