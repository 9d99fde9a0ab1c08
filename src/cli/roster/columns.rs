//! The names that programs give the columns of a roster. An exact name counts before an alias; what is not known is ignored, and
//! listed.

use std::collections::BTreeMap;

/// Each column with its other names, in the form of [`folded`].
const NAMES: &[(&str, &[&str])] = &[
    (
        "id",
        &[
            "member_id",
            "client_id",
            "customer_id",
            "user_id",
            "member_number",
            "account_id",
        ],
    ),
    (
        "email",
        &[
            "email_address",
            "e_mail",
            "e_mail_address",
            "mail",
            "client_email",
            "member_email",
        ],
    ),
    (
        "name",
        &["full_name", "member_name", "client_name", "customer_name"],
    ),
    ("first_name", &["firstname", "given_name", "forename"]),
    ("last_name", &["lastname", "surname", "family_name"]),
    ("tags", &["tag", "labels", "groups"]),
    ("plan_id", &["package_id", "membership_type_id"]),
    (
        "plan_name",
        &[
            "plan",
            "package",
            "package_name",
            "membership",
            "membership_name",
            "membership_type",
            "membership_plan",
        ],
    ),
    ("membership_id", &["subscription_id", "contract_id"]),
    (
        "status",
        &[
            "membership_status",
            "package_status",
            "plan_status",
            "subscription_status",
        ],
    ),
    ("blocked", &["blocked_reason"]),
    (
        "starts_at",
        &[
            "start_date",
            "start",
            "starts",
            "starts_on",
            "begin_date",
            "membership_start",
            "membership_start_date",
            "valid_from",
        ],
    ),
    (
        "ends_at",
        &[
            "end_date",
            "end",
            "ends",
            "ends_on",
            "expires",
            "expires_at",
            "expires_on",
            "expiration",
            "expiration_date",
            "expiry",
            "expiry_date",
            "membership_end",
            "membership_end_date",
            "valid_until",
            "valid_to",
        ],
    ),
    ("location_id", &["venue_id", "site_id"]),
    (
        "location_name",
        &["location", "venue", "site", "home_location"],
    ),
    ("time_zone", &["timezone"]),
];

/// Which column of a file holds what.
#[derive(Debug, Default)]
pub struct Columns {
    /// By what it holds: its position and the name as the file has it.
    found: BTreeMap<&'static str, (usize, String)>,
    /// The names that are not used.
    pub ignored: Vec<String>,
}

impl Columns {
    /// The columns of a file by the names in its first line.
    pub fn of(names: &[String]) -> Self {
        let mut columns = Self::default();
        let mut used = Vec::new();
        let folded: Vec<String> = names.iter().map(|name| folded(name)).collect();
        for (column, aliases) in NAMES {
            let mut candidates = [column].into_iter().chain(*aliases);
            let found = candidates.find_map(|wanted| folded.iter().position(|name| name == wanted));
            let found = found.and_then(|at| Some((at, names.get(at)?)));
            if let Some((at, name)) = found {
                columns.found.insert(column, (at, name.clone()));
                used.push(name);
            }
        }
        columns.ignored = names
            .iter()
            .filter(|name| !used.contains(name) && !name.trim().is_empty())
            .cloned()
            .collect();
        columns
    }

    pub fn has(&self, column: &str) -> bool {
        self.found.contains_key(column)
    }

    /// The name of a column as the file has it.
    pub fn name(&self, column: &str) -> Option<&str> {
        self.found.get(column).map(|(_, name)| name.as_str())
    }

    /// The position of a column, from 0.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.found.get(column).map(|(at, _)| *at)
    }
}

/// Lower case, with one underscore for whatever is no letter and no digit.
fn folded(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_understood_by_other_names() {
        let names = [
            "Client ID",
            "First Name",
            "Last Name",
            "Email Address",
            "Membership Status",
            "Home Phone",
            "Package",
            "Plan",
        ];
        let columns = Columns::of(&names.map(str::to_owned));
        for (column, name) in [
            ("id", "Client ID"),
            ("first_name", "First Name"),
            ("email", "Email Address"),
            ("status", "Membership Status"),
            ("plan_name", "Plan"),
        ] {
            assert_eq!(columns.name(column), Some(name));
        }
        assert!(!columns.has("ends_at"));
        assert_eq!(columns.ignored, ["Home Phone", "Package"]);
        let exact = Columns::of(&["mail", "email"].map(str::to_owned));
        assert_eq!(exact.name("email"), Some("email"));
    }
}
