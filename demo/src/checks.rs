//! The checks of the steps: the service's decision and its reason, the assignments in Kisi, the doors
//! that open. Each check prints the result and whether it was expected.
//!
//! Contract: decisions are read by GraphQL, assignments and doors from the sandbox. Changes nothing.
//! Called by the steps.

use anyhow::Context;
use jiff::Timestamp;
use latchkey_sandbox::AssignmentView;
use serde_json::{Value, json};

use super::{
    api::text,
    console::Console,
    people::Person,
    scene::{Group, Scene},
};

/// The doors of the sandbox's clubhouse.
const DOORS: [&str; 4] = ["Front door", "Range", "Simulator 1", "Workshop"];

/// The time span of an assignment in Kisi. A start in the past is shown as "now".
pub struct Window {
    /// `None`: it has already begun.
    pub from: Option<Timestamp>,
    /// `None`: without end.
    pub until: Option<Timestamp>,
}

impl Window {
    /// From now on, without an end.
    pub const OPEN: Self = Self {
        from: None,
        until: None,
    };
}

impl Scene {
    /// Checks the decision for a person and a group at an instant, and prints its reason. `until` is
    /// compared only if access is allowed.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn check_decision(
        &self,
        (who, group, at): (Person, &Group, Timestamp),
        code: &str,
        until: Option<Timestamp>,
        console: &mut Console,
    ) -> anyhow::Result<()> {
        const QUERY: &str = "query($member: ID!, $target: ID!, $at: DateTime) { \
            explain(member: $member, target: $target, at: $at) { \
            decision { allowed until code message(audience: DESK) } } }";
        let member = self
            .member(who)
            .await?
            .with_context(|| format!("no member {}", who.email))?;
        let variables = json!({ "member": member, "target": group.id, "at": at.to_string() });
        let data = self.api.query(QUERY, variables).await?;
        let decision = data
            .pointer("/explain/decision")
            .context("the response has no decision")?;
        let came = Decision::read(decision)?;
        let expected = Decision {
            allowed: code.starts_with("ALLOWED"),
            until,
            code: code.into(),
        };
        let holds = came.allowed == expected.allowed
            && came.code == expected.code
            && (!came.allowed || came.until == expected.until);
        let result = format!(
            "{}{}, {}: {}",
            who.name,
            self.when(at),
            group.name,
            self.verdict(&came)
        );
        let expected = format!("{} ({})", self.verdict(&expected), expected.code);
        console.fact("decided", result, holds, expected)?;
        let reason = text(decision, "/message")?;
        Ok(console.reason(&format!("because: {reason} ({})", came.code))?)
    }

    /// Checks the Kisi user of a person and its current assignments.
    ///
    /// # Errors
    /// When the terminal fails.
    pub fn check_kisi(
        &self,
        who: Person,
        expected: &[(&Group, Window)],
        console: &mut Console,
    ) -> anyhow::Result<()> {
        let now = self.now();
        let assignments = self.sandbox.assignments_of(who.email);
        let current = assignments
            .iter()
            .filter(|row| row.until.is_none_or(|until| until > now));
        let mut came: Vec<String> = current.map(|row| self.right(row)).collect();
        let wanted = expected.iter().map(|(group, window)| {
            format!("{} {}", group.name, self.span(window.from, window.until))
        });
        let mut wanted: Vec<String> = wanted.collect();
        came.sort();
        wanted.sort();
        let user = self.sandbox.user(who.email);
        let holds = came == wanted && (user.is_some() || wanted.is_empty());
        let summary = |user: &str, rights: &[String]| match rights {
            [] => format!("{user}: no access"),
            rights => format!("{user}: {}", rights.join("; ")),
        };
        let address = format!("user {}", who.email);
        let came = match user {
            Some(_) => summary(&address, &came),
            None => format!("no user {}", who.email),
        };
        Ok(console.fact("Kisi", came, holds, summary(&address, &wanted))?)
    }

    /// Checks which doors a person's assignments in Kisi open at an instant.
    ///
    /// # Errors
    /// When the terminal fails.
    pub fn check_doors(
        &self,
        who: Person,
        at: Timestamp,
        expected: &[&str],
        console: &mut Console,
    ) -> anyhow::Result<()> {
        let mut came = DOORS.to_vec();
        came.retain(|door| {
            let lock = self.sandbox.lock_named(door);
            lock.is_some_and(|lock| self.sandbox.may_open(who.email, lock, at))
        });
        let summary = |doors: &[&str]| match doors {
            [] => "opens no door".to_owned(),
            doors => format!("opens {}", doors.join(", ")),
        };
        let result = format!("{}{}: {}", who.name, self.when(at), summary(&came));
        Ok(console.fact("doors", result, came == expected, summary(expected))?)
    }

    /// A future instant as part of a sentence; empty for now.
    fn when(&self, at: Timestamp) -> String {
        if at > self.now() {
            format!(" on {}", self.local(at))
        } else {
            String::new()
        }
    }

    fn verdict(&self, decision: &Decision) -> String {
        match (decision.allowed, decision.until) {
            (false, _) => "no access".to_owned(),
            (true, None) => "access without end".to_owned(),
            (true, Some(until)) => format!("access until {}", self.local(until)),
        }
    }

    fn right(&self, right: &AssignmentView) -> String {
        let groups = [&self.members, &self.simulator];
        let group = groups
            .into_iter()
            .find(|group| Some(group.kisi_id) == right.group);
        let name = group.map_or("another group", |group| group.name);
        format!("{name} {}", self.span(right.from, right.until))
    }

    fn span(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> String {
        let from = from.filter(|from| *from > self.now());
        let from = from.map_or_else(|| "now".to_owned(), |from| self.local(from));
        match until {
            None => format!("from {from}, without end"),
            Some(until) => format!("from {from} to {}", self.local(until)),
        }
    }
}

/// The parts of the service's decision that are checked.
struct Decision {
    allowed: bool,
    until: Option<Timestamp>,
    code: String,
}

impl Decision {
    fn read(decision: &Value) -> anyhow::Result<Self> {
        let until = decision.get("until").and_then(Value::as_str);
        Ok(Self {
            allowed: decision.get("allowed") == Some(&Value::Bool(true)),
            until: until.map(str::parse).transpose()?,
            code: text(decision, "/code")?,
        })
    }
}
