//! Resolves a text to a lock, group or place of a club: the text is an id of this service, Kisi's numeric id, or the URL of its
//! page at Kisi. Called for every API argument that identifies a lock, a group or a place.

use entity::{access_group, kisi_account, lock, place};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use super::{ClubScope, StoreError};
use crate::id::{self, Kind, KisiRef};

/// The result of resolving a text.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// One object. An id of this service is only decoded: the caller must check that the object exists.
    One(Kind, Uuid),
    /// No object of the requested kinds.
    Nothing,
    /// Several objects have the Kisi id; a URL or an id of this service would be unambiguous. Contains the lock if exactly one of
    /// them is a lock.
    Several(Option<Uuid>),
}

/// Resolves a text among objects of these kinds. Objects that are gone in Kisi match only if no other object does.
pub async fn resolve(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    kinds: &[Kind],
    text: &str,
) -> Result<Resolved, StoreError> {
    if let Some((kind, id)) = id::decode(text) {
        let is_requested = kinds.contains(&kind);
        return Ok(if is_requested {
            Resolved::One(kind, id)
        } else {
            Resolved::Nothing
        });
    }
    let Some(name) = KisiRef::parse(text) else {
        return Ok(Resolved::Nothing);
    };
    let mut matches: Vec<(Kind, Uuid, bool)> = Vec::new();
    macro_rules! look {
        ($kind:ident, $table:ident) => {
            if kinds.contains(&Kind::$kind) {
                use $table::Column;
                let rows: Vec<(Uuid, Option<i64>)> = scope
                    .find::<$table::Entity>()
                    .select_only()
                    .column(Column::Id)
                    .column(Column::GoneAt)
                    .filter(has_kisi_id(
                        Kind::$kind,
                        Column::KisiId,
                        Column::AccountId,
                        &name,
                    ))
                    .into_tuple()
                    .all(connection)
                    .await?;
                let rows = rows.into_iter();
                matches.extend(rows.map(|(id, gone)| (Kind::$kind, id, gone.is_some())));
            }
        };
    }
    look!(Lock, lock);
    look!(Group, access_group);
    look!(Place, place);
    if matches.iter().any(|(.., is_gone)| !is_gone) {
        matches.retain(|(.., is_gone)| !is_gone);
    }
    Ok(match matches.as_slice() {
        [] => Resolved::Nothing,
        [(kind, id, _)] => Resolved::One(*kind, *id),
        several => {
            let locks = several.iter().filter(|(kind, ..)| *kind == Kind::Lock);
            let locks: Vec<Uuid> = locks.map(|(_, id, _)| *id).collect();
            Resolved::Several(<[Uuid; 1]>::try_from(locks).ok().map(|[lock]| lock))
        }
    })
}

/// The condition for rows of a kind that have this Kisi id, and the URL's organization and kind if the name is a URL.
pub(super) fn has_kisi_id<C: ColumnTrait>(
    kind: Kind,
    kisi_id: C,
    account_id: C,
    name: &KisiRef,
) -> Condition {
    if name.kind.is_some_and(|of| of != kind) {
        return Condition::all().add(Expr::value(false));
    }
    let with_kisi_id = Condition::all().add(kisi_id.eq(name.id));
    match name.organization {
        None => with_kisi_id,
        Some(organization) => {
            let accounts = Query::select()
                .column(kisi_account::Column::Id)
                .from(kisi_account::Entity)
                .and_where(kisi_account::Column::OrganizationId.eq(organization))
                .to_owned();
            with_kisi_id.add(account_id.in_subquery(accounts))
        }
    }
}
