//! Everything that is stored about one member, as JSON: an object of lists of rows, by table. A column with a secret is left out;
//! times are RFC 3339. The bodies of deliveries are those that name the member, and may name others.

use entity::*;
use sea_orm::{
    ConnectionTrait, EntityTrait, IdenStatic, Iterable, ModelTrait, Select, sea_query::Value,
};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk::select_by_ids};

/// Columns whose values are never shown.
const SECRETS: [&str; 4] = ["secret", "old_secret", "hash", "credentials"];

/// The member with its people, and what belongs to them.
pub async fn export(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<Json, StoreError> {
    let mut all = Map::new();
    macro_rules! list {
        ($table:ident, $column:ident, $ids:expr) => {{
            let select = scope.find_for_ids::<$table::Entity>();
            let column = $table::Column::$column;
            let rows = list(connection, select, column, $ids).await?;
            let list = rows.iter().map(of_row).collect();
            all.insert(stringify!($table).to_owned(), Json::Array(list));
            rows
        }};
    }
    let members = [member];
    list!(member, Id, &members);
    let persons = list!(person, MemberId, &members);
    let persons: Vec<Uuid> = persons.into_iter().map(|row| row.id).collect();
    list!(person_past, PersonId, &persons);
    list!(person_version, PersonId, &persons);
    list!(company_person, PersonId, &persons);
    list!(entitlement_person, PersonId, &persons);
    let versions = list!(entitlement_version, PersonId, &persons);
    let entitlements: Vec<Uuid> = versions.into_iter().map(|row| row.entitlement_id).collect();
    list!(entitlement, Id, &distinct(entitlements));
    list!(share, MemberId, &members);
    list!(suspension, MemberId, &members);
    let users = list!(kisi_user, MemberId, &members);
    let users: Vec<Uuid> = users.into_iter().map(|row| row.id).collect();
    list!(kisi_login, KisiUserId, &users);
    list!(kisi_grant, MemberId, &members);
    list!(due, MemberId, &members);
    list!(revocation, MemberId, &members);
    list!(unlock_request, MemberId, &members);
    list!(check_in, MemberId, &members);
    list!(history, MemberId, &members);
    list!(token, MemberId, &members);
    let deliveries = list!(delivery_member, MemberId, &members);
    let deliveries: Vec<Uuid> = deliveries.into_iter().map(|row| row.delivery_id).collect();
    list!(delivery, Id, &deliveries);
    let messages = list!(webhook_message, MemberId, &members);
    let messages: Vec<Uuid> = messages.into_iter().map(|row| row.id).collect();
    list!(webhook_attempt, MessageId, &messages);
    Ok(Json::Object(all))
}

fn distinct(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn list<E: super::scope::OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    ids: &[Uuid],
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    select_by_ids(connection, select, column, ids).await
}

/// A row as an object by column.
fn of_row<M: ModelTrait>(row: &M) -> Json {
    let columns = <<M::Entity as EntityTrait>::Column as Iterable>::iter();
    let shown = columns.filter(|column| !SECRETS.contains(&column.as_str()));
    let pairs = shown.map(|column| {
        let name = column.as_str();
        (name.to_owned(), of_value(name, row.get(column)))
    });
    Json::Object(pairs.collect())
}

fn of_value(name: &str, value: Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::BigInt(Some(micros)) if is_instant(name) => instant(micros),
        Value::BigInt(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Uuid(value) => json!(value.map(|id| id.to_string())),
        Value::Bytes(value) => {
            json!(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Json::Null,
    }
}

fn is_instant(name: &str) -> bool {
    ["_at", "_from", "_until", "_since"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn instant(micros: i64) -> Json {
    jiff::Timestamp::from_microsecond(micros).map_or(json!(micros), |at| json!(at.to_string()))
}
