//! What a text names in a club: by the id of this service, by the id that Kisi gave it, or by the URL of its page at Kisi.
//! Called for every argument that names a lock, a group or a place.

use entity::{access_group, kisi_account, lock, place};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use super::{Scope, StoreError};
use crate::id::{self, Kind, KisiName};

/// What a text names.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// This. Whether an id of this service names anything is for the caller to ask.
    One(Kind, Uuid),
    /// Nothing of these kinds.
    Nothing,
    /// Several things have the number: only a URL or an id tells which. With the lock, where one lock alone is among them.
    Several(Option<Uuid>),
}

/// What a text names among things of some kinds. What Kisi lists no more is named only where nothing else is.
pub async fn named(
    connection: &impl ConnectionTrait,
    scope: Scope,
    kinds: &[Kind],
    text: &str,
) -> Result<Named, StoreError> {
    if let Some((kind, id)) = id::decode(text) {
        let known = kinds.contains(&kind);
        return Ok(if known {
            Named::One(kind, id)
        } else {
            Named::Nothing
        });
    }
    let Some(name) = KisiName::parse(text) else {
        return Ok(Named::Nothing);
    };
    let mut found: Vec<(Kind, Uuid, bool)> = Vec::new();
    macro_rules! look {
        ($kind:ident, $table:ident) => {
            if kinds.contains(&Kind::$kind) {
                use $table::Column;
                let rows: Vec<(Uuid, Option<i64>)> = scope
                    .find::<$table::Entity>()
                    .select_only()
                    .column(Column::Id)
                    .column(Column::GoneAt)
                    .filter(bears(Kind::$kind, Column::KisiId, Column::AccountId, &name))
                    .into_tuple()
                    .all(connection)
                    .await?;
                let rows = rows.into_iter();
                found.extend(rows.map(|(id, gone)| (Kind::$kind, id, gone.is_some())));
            }
        };
    }
    look!(Lock, lock);
    look!(Group, access_group);
    look!(Place, place);
    if found.iter().any(|(.., is_gone)| !is_gone) {
        found.retain(|(.., is_gone)| !is_gone);
    }
    Ok(match found.as_slice() {
        [] => Named::Nothing,
        [(kind, id, _)] => Named::One(*kind, *id),
        several => {
            let locks = several.iter().filter(|(kind, ..)| *kind == Kind::Lock);
            let locks: Vec<Uuid> = locks.map(|(_, id, _)| *id).collect();
            Named::Several(<[Uuid; 1]>::try_from(locks).ok().map(|[lock]| lock))
        }
    })
}

/// Rows of a kind that bear a name of Kisi's.
pub(super) fn bears<C: ColumnTrait>(
    kind: Kind,
    kisi_id: C,
    account_id: C,
    name: &KisiName,
) -> Condition {
    if name.kind.is_some_and(|of| of != kind) {
        return Condition::all().add(Expr::value(false));
    }
    let bears = Condition::all().add(kisi_id.eq(name.id));
    match name.organization {
        None => bears,
        Some(organization) => {
            let accounts = Query::select()
                .column(kisi_account::Column::Id)
                .from(kisi_account::Entity)
                .and_where(kisi_account::Column::OrganizationId.eq(organization))
                .to_owned();
            bears.add(account_id.in_subquery(accounts))
        }
    }
}
