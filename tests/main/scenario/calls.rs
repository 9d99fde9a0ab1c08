//! Formats the calls to Kisi for a snapshot: person, method, path pattern, group and window. Only calls about users and role
//! assignments are shown; the sweep decides how often it lists the doors.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_sandbox::{Call, Sandbox};
use serde_json::Value;

use super::script::Zone;

/// Maps Kisi ids to the names that a snapshot shows.
#[derive(Debug, Default)]
pub struct Names {
    users: BTreeMap<i64, String>,
    assignments: BTreeMap<i64, (String, String)>,
    groups: BTreeMap<i64, String>,
}

impl Names {
    pub fn group(&mut self, id: i64, name: &str) {
        self.groups.insert(id, name.to_owned());
    }

    /// Records the ids of these people and of their assignments.
    pub fn learn(&mut self, sandbox: &Sandbox, people: &BTreeSet<String>) {
        for email in people {
            if let Some(user) = sandbox.user(email) {
                self.users.insert(user.id, email.clone());
            }
            for row in sandbox.assignments_of(email) {
                let scope = match (row.group, row.place) {
                    (Some(group), _) => self.group_of(group),
                    (None, Some(_)) => "the place".to_owned(),
                    (None, None) => "everything".to_owned(),
                };
                self.assignments.insert(row.id, (email.clone(), scope));
            }
        }
    }

    fn group_of(&self, id: i64) -> String {
        self.groups
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    fn user_of(&self, id: Option<i64>) -> String {
        id.and_then(|id| self.users.get(&id))
            .cloned()
            .unwrap_or_else(|| "somebody".to_owned())
    }

    /// One line for each shown call, sorted by person. The calls about one person keep their order.
    pub fn format_calls(&self, calls: &[Call], zone: &Zone) -> Vec<String> {
        let mut lines: Vec<(String, String)> = calls
            .iter()
            .filter_map(|call| self.line(call, zone))
            .collect();
        lines.sort_by(|a, b| a.0.cmp(&b.0));
        lines
            .into_iter()
            .map(|(who, what)| format!("    {who}: {what}"))
            .collect()
    }

    fn line(&self, call: &Call, zone: &Zone) -> Option<(String, String)> {
        let query: BTreeMap<&str, &str> = call
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        let status = call
            .status
            .filter(|status| *status >= 300)
            .map_or(String::new(), |status| format!(" → {status}"));
        let (who, what) = match segments.as_slice() {
            ["users"] if call.method == "GET" => (
                query.get("email")?.replace("%40", "@"),
                "GET /users by address".to_owned(),
            ),
            ["users"] => {
                let email = body(call, "user")["email"]
                    .as_str()
                    .unwrap_or("somebody")
                    .to_owned();
                (email, "POST /users".to_owned())
            }
            ["role_assignments"] if call.method == "GET" => (
                self.user_of(query.get("assignee_id")?.parse().ok()),
                "GET /role_assignments of the user".to_owned(),
            ),
            ["role_assignments"] => {
                let new = body(call, "role_assignment");
                let id = new["applies_to_id"].as_i64().unwrap_or_default();
                let group = match new["applies_to_type"].as_str() {
                    Some("Group") => self.group_of(id),
                    other => other.unwrap_or("nothing").to_owned(),
                };
                (
                    self.user_of(new["assignee_id"].as_i64()),
                    format!("POST /role_assignments {group}{}", window(&new, zone)),
                )
            }
            [noun @ ("users" | "role_assignments"), id] => {
                let id: i64 = id.parse().ok()?;
                let (who, scope) = match self.assignments.get(&id) {
                    Some((who, scope)) if *noun == "role_assignments" => {
                        (who.clone(), scope.clone())
                    }
                    _ => (self.user_of(Some(id)), String::new()),
                };
                let span = if call.method == "PATCH" {
                    window(&body(call, "role_assignment"), zone)
                } else {
                    String::new()
                };
                (who, format!("{} /{noun}/… {scope}{span}", call.method))
            }
            _ => return None,
        };
        Some((who, format!("{what}{status}")))
    }
}

fn body(call: &Call, wrapped: &str) -> Value {
    call.body.as_ref().map_or(Value::Null, |body| {
        body.get(wrapped).unwrap_or(body).clone()
    })
}

fn window(body: &Value, zone: &Zone) -> String {
    let end = |name: &str| match body[name].as_str().map(str::parse::<jiff::Timestamp>) {
        Some(Ok(at)) => zone.local(at),
        _ => "…".to_owned(),
    };
    format!(", {} to {}", end("valid_from"), end("valid_until"))
}
