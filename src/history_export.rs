//! `GET /export/history.csv`: the access history as a table for spreadsheets, streamed page by page, so that years of entries take
//! as little memory as one page. The oldest entry comes first. Needs a token of the staff.

use std::{collections::HashMap, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
    web::{self, Bytes},
};
use async_graphql::{InputType, Value};
use futures_util::stream;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    auth::{self, Caller},
    graphql::{
        access_event::AccessEventKind,
        scalar::{format_instant, parse_instant},
    },
    id::{Kind, decode_as, encode},
    store::{
        ClubScope, StoreError,
        listings::{self, HistoryFilter},
        lookup,
        page::{ByTime, Key, Listed, Window},
        row::{self, Role},
    },
};

/// How many entries are read and sent at once.
const PAGE: u64 = 1_000;

/// The limits of an export; all entries if none is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// At this time or later.
    from: Option<String>,
    /// Before this time.
    until: Option<String>,
    /// Concerning this member.
    member: Option<String>,
}

pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/export/history.csv", web::get().to(export));
}

async fn export(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let app = app.into_inner();
    let caller = match caller(&app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let filter = match filter(request.query_string()) {
        Ok(filter) => filter,
        Err(message) => return HttpResponse::BadRequest().body(message),
    };
    let rows = Rows {
        app,
        scope: caller.scope,
        filter,
        after: None,
        state: State::Head,
    };
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"history.csv\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(stream::unfold(rows, Rows::next))
}

/// The caller, who must be of the staff.
async fn caller(app: &App, request: &HttpRequest) -> Result<Caller, HttpResponse> {
    let missing = || {
        HttpResponse::Unauthorized()
            .insert_header(("www-authenticate", "Bearer"))
            .body("a valid bearer token is required\n")
    };
    let token = auth::token(app, request.headers()).ok_or_else(missing)?;
    let caller = auth::by_token(app, &token).await.map_err(|problem| {
        tracing::error!(error = ?problem, "a token could not be looked up in the store");
        HttpResponse::ServiceUnavailable().body("the store does not answer: try again\n")
    })?;
    let caller = caller.ok_or_else(missing)?;
    if caller.role == Role::Member {
        let message = "a member session reads its history by the query `history`\n";
        return Err(HttpResponse::Forbidden().body(message));
    }
    Ok(caller)
}

fn filter(query: &str) -> Result<HistoryFilter, String> {
    let limits = web::Query::<Limits>::from_query(query);
    let limits = limits.map_err(|_| "the parameters are: from, until, member\n".to_owned())?;
    let time = |name: &str, text: &Option<String>| {
        let parsed = text.as_deref().map(parse_instant).transpose();
        parsed.map_err(|problem| format!("{name}: {problem}\n"))
    };
    let member = limits.member.as_deref().map(|id| {
        decode_as(Kind::Member, id).ok_or_else(|| "member: not the id of a member\n".to_owned())
    });
    Ok(HistoryFilter {
        member: member.transpose()?,
        from: time("from", &limits.from)?,
        until: time("until", &limits.until)?,
        ..HistoryFilter::default()
    })
}

/// What is sent next.
enum State {
    Head,
    Entries,
    End,
}

/// The rest of an export.
struct Rows {
    app: Arc<App>,
    scope: ClubScope,
    filter: HistoryFilter,
    /// The last entry that was sent.
    after: Option<Key>,
    state: State,
}

impl Rows {
    /// The next part of the table. An error ends the response early, so that clients see that it is incomplete.
    async fn next(mut self) -> Option<(Result<Bytes, StoreError>, Self)> {
        match self.state {
            State::Head => {
                self.state = State::Entries;
                let names = [
                    "id", "at", "kind", "member", "name", "target", "cause", "actor", "message",
                ];
                Some((Ok(table([names.map(str::to_owned)])), self))
            }
            State::Entries => {
                let page = self.page().await;
                if let Err(problem) = &page {
                    tracing::error!(error = ?problem, "an export of the history ended early");
                    self.state = State::End;
                }
                match page {
                    Ok(None) => None,
                    Ok(Some(bytes)) => Some((Ok(bytes), self)),
                    Err(problem) => Some((Err(problem), self)),
                }
            }
            State::End => None,
        }
    }

    async fn page(&mut self) -> Result<Option<Bytes>, StoreError> {
        let window = Window {
            after: self.after.take(),
            most: PAGE,
            ..Window::default()
        };
        let list = listings::history(self.scope, self.filter.clone(), ByTime::OldestFirst);
        let rows = list.rows(&self.app.db, &window).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = Some(Key {
            name: String::new(),
            id: last.id,
        });
        let members: Vec<Uuid> = rows.iter().filter_map(|row| row.member_id).collect();
        let db = self.app.db.read();
        let members = lookup::by_ids::<row::Member>(db, self.scope, &members).await?;
        let names: HashMap<Uuid, String> = members.into_iter().map(|it| (it.id, it.name)).collect();
        Ok(Some(table(rows.into_iter().map(|row| line(row, &names)))))
    }
}

fn line(row: row::HistoryEntry, names: &HashMap<Uuid, String>) -> [String; 9] {
    let target = row.target_kind.zip(row.target_id).map(|(kind, id)| {
        let kind = match kind {
            row::ScopeKind::Group => Kind::Group,
            row::ScopeKind::Lock => Kind::Lock,
            row::ScopeKind::Place => Kind::Place,
            row::ScopeKind::Account => Kind::KisiAccount,
        };
        encode(kind, id)
    });
    let member = row.member_id;
    [
        encode(Kind::AccessEvent, row.id),
        format_instant(row.at),
        kind_name(row.kind),
        member
            .map(|id| encode(Kind::Member, id))
            .unwrap_or_default(),
        member
            .and_then(|id| names.get(&id))
            .cloned()
            .unwrap_or_default(),
        target.unwrap_or_default(),
        row.cause,
        row.actor.unwrap_or_default(),
        row.message,
    ]
}

/// The name of a kind in the API.
fn kind_name(kind: row::HistoryKind) -> String {
    match AccessEventKind::from(kind).to_value() {
        Value::Enum(name) => name.to_string(),
        other => other.to_string(),
    }
}

/// Lines of CSV (RFC 4180).
fn table(lines: impl IntoIterator<Item = [String; 9]>) -> Bytes {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for line in lines {
        // Writing into memory cannot fail.
        let _ = writer.write_record(line.map(harmless));
    }
    writer.into_inner().unwrap_or_default().into()
}

/// Text that a spreadsheet does not take for a formula: names come from people outside the club.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_no_formulas() {
        let line = [
            "=1+1", "+1", "-1", "@a", "\tb", "", "a,\"b\"", "x\ny", "fine",
        ];
        let bytes = table([line.map(str::to_owned)]);
        let expected = "'=1+1,'+1,'-1,'@a,'\tb,,\"a,\"\"b\"\"\",\"x\ny\",fine\r\n";
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
    }
}
