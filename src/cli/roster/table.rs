//! Converts a table of members and their memberships to the data of a `roster.snapshot`. A row is a member, and a membership if
//! it names a plan; a member may have several rows. The values are validated later, by the code that validates every
//! event.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::{
    columns::Columns,
    csv::{Csv, Record},
    dates::{self, DateOrder},
    statuses::{self, OwnWords},
};
/// How the values of a file are to be understood.
#[derive(Clone, Debug, Default)]
pub struct Conventions {
    /// The order of day, month and year; none for what the file shows itself.
    pub date_order: Option<DateOrder>,
    pub statuses: OwnWords,
}

/// The most problems that are listed.
const MOST_PROBLEMS: usize = 20;

/// The data of a snapshot.
#[derive(Debug)]
pub struct Roster {
    /// `members`, and `memberships` if the table has a column for plans; as JSON.
    pub data: String,
    /// Each list of the data with its length.
    pub counts: Vec<(&'static str, usize)>,
    /// The columns that are not used.
    pub ignored: Vec<String>,
}

/// Converts a table.
///
/// # Errors
/// A table that is no CSV; one without a column for the member; and, each by line and column: a row without member, two rows that
/// contradict each other about one member, a status or a date that cannot be understood.
pub fn roster(csv: &Csv<'_>, conventions: &Conventions) -> anyhow::Result<Roster> {
    let columns = Columns::of(&csv.names);
    if !columns.has("id") && !columns.has("email") {
        // An error of the file itself is told first.
        csv.records().try_for_each(|record| record.map(drop))?;
        bail!(
            "line 1: a column id or email is required; the columns are {}",
            csv.names.join(", ")
        );
    }
    let mut table = Table::new(columns, csv, conventions);
    for record in csv.records() {
        table.add(&record?);
    }
    table.finish()
}

/// The line and the JSON of each entry, by its id. Text takes a tenth of the memory of parsed JSON.
type Entries = BTreeMap<String, (usize, String)>;

struct Table<'a> {
    columns: Columns,
    conventions: &'a Conventions,
    /// The order of the dates in each column.
    orders: BTreeMap<&'static str, Option<DateOrder>>,
    members: Entries,
    memberships: Entries,
    problems: Vec<String>,
}

impl<'a> Table<'a> {
    fn new(columns: Columns, csv: &Csv<'_>, conventions: &'a Conventions) -> Self {
        let order = |name| {
            let column = columns.position(name)?;
            let records = csv.records().map_while(Result::ok);
            let values = records.filter_map(|record| record.get(column).map(str::to_owned));
            conventions.date_order.or_else(|| dates::order_of(values))
        };
        let dates = ["starts_at", "ends_at"];
        let orders: BTreeMap<_, _> = dates.into_iter().map(|name| (name, order(name))).collect();
        // A file has one convention: a column that shows none follows the other.
        let shown = orders.values().flatten().next().copied();
        Self {
            orders: orders
                .into_iter()
                .map(|(name, order)| (name, order.or(shown)))
                .collect(),
            columns,
            conventions,
            members: BTreeMap::new(),
            memberships: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    fn get<'r>(&self, record: &'r Record, column: &str) -> Option<&'r str> {
        record.get(self.columns.position(column)?)
    }

    fn problem(&mut self, line: usize, column: &str, what: &str) {
        let name = self.columns.name(column).unwrap_or(column);
        self.problems
            .push(format!("line {line}, column {name:?}: {what}"));
    }

    fn add(&mut self, record: &Record) {
        let email = self.get(record, "email").map(str::to_lowercase);
        let id = self.get(record, "id").map(str::to_owned);
        let Some(id) = id.or_else(|| email.map(|email| format!("mailto:{email}"))) else {
            let what = format!("line {}: neither id nor email is given", record.line);
            self.problems.push(what);
            return;
        };
        let member = self.member(&id, record).to_string();
        let previous = self
            .members
            .entry(id.clone())
            .or_insert_with(|| (record.line, member.clone()));
        if previous.1 != member {
            self.problems.push(format!(
                "lines {} and {} contradict each other about the member {id:?}",
                previous.0, record.line
            ));
            return;
        }
        let plan = self.get(record, "plan_id");
        let Some(plan) = plan.or_else(|| self.get(record, "plan_name")) else {
            return;
        };
        let own = self.get(record, "membership_id").map(str::to_owned);
        let membership_id = own.unwrap_or_else(|| format!("{id}:{plan}"));
        let membership = self.membership(&membership_id, &id, plan, record);
        let membership = membership.to_string();
        let before = self
            .memberships
            .insert(membership_id.clone(), (record.line, membership));
        if let Some((line, _)) = before {
            self.problems.push(format!(
                "lines {line} and {} have the same membership {membership_id:?}: add a column membership_id to tell them apart",
                record.line
            ));
        }
    }

    /// A field without a column is left out, so that its value stays; a blank field becomes null or empty, which clears the value.
    fn member(&self, id: &str, record: &Record) -> Value {
        let mut member = Map::from_iter([("id".to_owned(), json!(id))]);
        if self.columns.has("email") {
            member.insert("email".to_owned(), json!(self.get(record, "email")));
        }
        let parts = ["first_name", "last_name"];
        if self.columns.has("name") {
            member.insert("name".to_owned(), json!(self.get(record, "name")));
        } else if parts.iter().any(|part| self.columns.has(part)) {
            let name: Vec<&str> = parts
                .iter()
                .filter_map(|part| self.get(record, part))
                .collect();
            let name = Some(name.join(" ")).filter(|name| !name.is_empty());
            member.insert("name".to_owned(), json!(name));
        }
        if self.columns.has("tags") {
            let tags = self.get(record, "tags").unwrap_or_default();
            let tags = tags
                .split(['|', ',', ';'])
                .map(str::trim)
                .filter(|tag| !tag.is_empty());
            member.insert("tags".to_owned(), tags.collect());
        }
        Value::Object(member)
    }

    fn membership(&mut self, id: &str, member: &str, plan: &str, record: &Record) -> Value {
        let status = match self.get(record, "status") {
            None => "active".to_owned(),
            Some(word) => {
                statuses::parse(word, &self.conventions.statuses).unwrap_or_else(|what| {
                    self.problem(record.line, "status", &what);
                    String::new()
                })
            }
        };
        let starts_at = self.date(record, "starts_at");
        let ends_at = self.date(record, "ends_at");
        let get = |name: &str| self.get(record, name);
        let location = get("location_id").or_else(|| get("location_name"));
        let location = location.map(
            |id| json!({ "id": id, "name": get("location_name"), "time_zone": get("time_zone") }),
        );
        json!({
            "id": id,
            "member": { "id": member },
            "plan": { "id": plan, "name": get("plan_name") },
            "status": status,
            "blocked": get("blocked").map(|reason| json!({ "reason": reason.to_lowercase() })),
            "starts_at": starts_at,
            "ends_at": ends_at,
            "location": location,
        })
    }

    fn date(&mut self, record: &Record, column: &'static str) -> Option<String> {
        let text = self.get(record, column)?;
        let order = self.orders.get(column).copied().flatten();
        dates::parse(text, order)
            .inspect_err(|what| self.problem(record.line, column, what))
            .ok()
    }

    fn finish(self) -> anyhow::Result<Roster> {
        if !self.problems.is_empty() {
            let more = self.problems.len().saturating_sub(MOST_PROBLEMS);
            let mut listed: Vec<String> = self.problems.into_iter().take(MOST_PROBLEMS).collect();
            if more > 0 {
                listed.push(format!("and {more} more problems"));
            }
            bail!("{}", listed.join("\n"));
        }
        let mut lists = vec![("members", self.members)];
        if self.columns.has("plan_id") || self.columns.has("plan_name") {
            lists.push(("memberships", self.memberships));
        }
        let counts = lists.iter().map(|(name, list)| (*name, list.len()));
        Ok(Roster {
            counts: counts.collect(),
            data: object_of_lists(lists),
            ignored: self.columns.ignored,
        })
    }
}

/// A JSON object of these lists. Each entry is freed once it was written.
fn object_of_lists(lists: Vec<(&str, Entries)>) -> String {
    let entries = lists.iter().flat_map(|(_, list)| list.values());
    let length: usize = entries.map(|(_, entry)| entry.len() + 1).sum();
    let mut data = String::with_capacity(length + 64);
    for (name, list) in lists {
        let begins = if data.is_empty() { '{' } else { ',' };
        // Writing to a string does not fail.
        let _ = write!(data, "{begins}\"{name}\":[");
        for (index, (_, entry)) in list.into_values().enumerate() {
            if index > 0 {
                data.push(',');
            }
            data.push_str(&entry);
        }
        data.push(']');
    }
    data.push('}');
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(text: &str, conventions: &Conventions) -> anyhow::Result<(Value, Roster)> {
        let roster = roster(&Csv::open(text)?, conventions)?;
        Ok((serde_json::from_str(&roster.data)?, roster))
    }

    fn read(text: &str) -> anyhow::Result<Value> {
        Ok(convert(text, &Conventions::default())?.0)
    }

    #[test]
    fn rows_become_members_and_memberships() {
        let text = "id,email,name,tags,plan_id,status,ends_at,location_name,time_zone,blocked\n\
                    1,Ann@Example.com,Ann,range|pool,gold,Active,2026-12-31,Pier,Europe/Berlin,\n\
                    1,Ann@Example.com,Ann,range|pool,pool,,,,,manual\n\
                    2,,Bob,,,,,,,\n";
        let data = read(text).unwrap();
        assert_eq!(
            data["members"],
            json!([
                { "id": "1", "email": "Ann@Example.com", "name": "Ann", "tags": ["range", "pool"] },
                { "id": "2", "email": null, "name": "Bob", "tags": [] },
            ])
        );
        assert_eq!(data["memberships"].as_array().unwrap().len(), 2);
        assert_eq!(
            data["memberships"][0],
            json!({
                "id": "1:gold", "member": { "id": "1" }, "plan": { "id": "gold", "name": null }, "status": "active", "blocked": null,
                "starts_at": null, "ends_at": "2026-12-31",
                "location": { "id": "Pier", "name": "Pier", "time_zone": "Europe/Berlin" },
            })
        );
        assert_eq!(
            data["memberships"][1]["blocked"],
            json!({ "reason": "manual" })
        );
    }

    #[test]
    fn without_a_column_for_plans_the_memberships_are_left_out() {
        let data = read("email\nAnn@Example.com\n").unwrap();
        assert_eq!(
            data,
            json!({ "members": [{ "id": "mailto:ann@example.com", "email": "Ann@Example.com" }] })
        );
        let nobody = read("id,plan_id\n").unwrap();
        assert_eq!(nobody, json!({ "members": [], "memberships": [] }));
    }

    #[test]
    fn an_error_names_its_lines() {
        for (text, words) in [
            ("name\nAnn\n", "id or email"),
            ("id,name\n1,Ann\n,Bob\n", "line 3: neither id"),
            (
                "id,name\n1,Ann\n1,Bob\n",
                "lines 2 and 3 contradict each other",
            ),
            (
                "id,plan_id\n1,gold\n1,gold\n",
                "lines 2 and 3 have the same membership",
            ),
        ] {
            let wrong = read(text).unwrap_err().to_string();
            assert!(wrong.contains(words), "{wrong}");
        }
    }
    #[test]
    fn an_export_is_understood_as_it_is() {
        let text = "Client ID,First Name,Last Name,Email Address,Home Phone,Package,Membership Status,Start Date,Expiration Date\n\
                    7,Ann,Lee,ann@example.com,1234,Gold,ACTIVE,01/02/2026,12/31/2026\n\
                    8,Bob,,bob@example.com,,Gold,Frozen,46023,\n";
        let (data, found) = convert(text, &Conventions::default()).unwrap();
        assert_eq!(found.ignored, ["home phone"]);
        assert_eq!(found.counts, [("members", 2), ("memberships", 2)]);
        assert_eq!(data["members"][0]["name"], "Ann Lee");
        let memberships = &data["memberships"];
        let field = |row: usize, name: &str| memberships[row][name].clone();
        assert_eq!(
            field(0, "starts_at"),
            "2026-01-02",
            "the other column shows the order"
        );
        assert_eq!(field(0, "ends_at"), "2026-12-31");
        assert_eq!(field(0, "plan"), json!({ "id": "Gold", "name": "Gold" }));
        assert_eq!(field(1, "status"), "paused");
        assert_eq!(
            field(1, "starts_at"),
            "2026-01-01",
            "a serial number of a spreadsheet"
        );
    }

    #[test]
    fn problems_name_their_line_and_column() {
        let text = "id,plan,Status,Ends\n1,gold,odd,01/02/2026\n2,gold,active,soon\n";
        let wrong = read(text).unwrap_err().to_string();
        for words in [
            "line 2, column \"status\": \"odd\" is no known status",
            "line 2, column \"ends\": \"01/02/2026\" may be day or month first",
            "line 3, column \"ends\": \"soon\" is not a date",
        ] {
            assert!(wrong.contains(words), "{wrong}");
        }
        let conventions = Conventions {
            date_order: Some(DateOrder::Dmy),
            statuses: OwnWords::from([statuses::own_word("odd=ended").unwrap()]),
        };
        let text = "id,plan,Status,Ends\n1,gold,odd,01/02/2026\n";
        let (data, _) = convert(text, &conventions).unwrap();
        assert_eq!(data["memberships"][0]["status"], "ended");
        assert_eq!(data["memberships"][0]["ends_at"], "2026-02-01");
    }
}
