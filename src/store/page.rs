//! Lists in pages: by name and then id, or newest first, from either end, by keyset. A key is what a row is ordered by, so
//! that a page goes on where the last one ended, whatever was put in between. Never skips by offset. The API's connections
//! use it; what may be listed is in `listings`.

use std::cmp::Ordering;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QueryTrait, Select,
};
use uuid::Uuid;

use super::{Db, StoreError, row, scope::OfClub};

/// What the rows of a list are. A cursor bears it, so that one of another list is refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
#[repr(u8)]
pub enum ListOf {
    // Beyond the first byte of any id: cursors once began with one, and named no list.
    Places = 0x41,
    Locks,
    Groups,
    Members,
    Offerings,
    Locations,
    Rules,
    Deliveries,
    History,
    Revocations,
    Changes,
    GroupPeople,
}

/// Where a row stands in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The folded name; empty in lists that are ordered by id alone.
    pub name: String,
    /// The tie-breaker.
    pub id: Uuid,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Only what comes after it.
    pub after: Option<Key>,
    /// Only what comes before it.
    pub before: Option<Key>,
    /// The last ones, rather than the first.
    pub from_end: bool,
    /// How many rows at most.
    pub most: u64,
}

impl Window {
    /// The part of rows that are in memory, in the order of their list; `compare` says how one stands to a key.
    pub fn of_rows<'r, R>(
        &self,
        rows: impl DoubleEndedIterator<Item = &'r R>,
        compare: impl Fn(&R, &Key) -> Ordering,
    ) -> Vec<&'r R> {
        let within = |row: &&R| {
            let (after, before) = (self.after.as_ref(), self.before.as_ref());
            after.is_none_or(|key| compare(row, key) == Ordering::Greater)
                && before.is_none_or(|key| compare(row, key) == Ordering::Less)
        };
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let within = rows.filter(within);
        if self.from_end {
            let mut last: Vec<_> = within.rev().take(most).collect();
            last.reverse();
            last
        } else {
            within.take(most).collect()
        }
    }
}

/// A row that says where it stands.
pub trait Keyed {
    /// In which list.
    const LIST: ListOf;

    /// Its key.
    fn key(&self) -> Key;
}

/// Something that can be listed.
pub trait Listed: Send + Sync + 'static {
    /// What its rows are.
    type Row: Keyed + Send;

    /// The rows of a window, in the order of the list.
    fn rows(
        &self,
        db: &Db,
        window: &Window,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// How many rows there are in all.
    fn count(&self, db: &Db) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// How a list is ordered.
#[derive(Copy, Clone, Debug)]
pub(super) enum Order<C> {
    /// By a name, then by id.
    ByName(C, C),
    /// By id, the greatest first: ids grow with time.
    NewestFirst(C),
}

/// A list of rows of one table.
#[derive(Clone, Debug)]
pub struct Listing<E: OfClub> {
    pub(super) select: Select<E>,
    pub(super) order: Order<E::Column>,
}

impl<E> Listed for Listing<E>
where
    E: OfClub + Send + Sync + 'static,
    E::Model: Keyed + ModelTrait<Entity = E> + Send + Sync,
    E::Column: Send + Sync,
{
    type Row = E::Model;

    async fn rows(&self, db: &Db, window: &Window) -> Result<Vec<E::Model>, StoreError> {
        let mut select = self.select.clone();
        if let Some(key) = &window.after {
            select = select.filter(self.beyond(key, true));
        }
        if let Some(key) = &window.before {
            select = select.filter(self.beyond(key, false));
        }
        select = match (self.order, window.from_end) {
            (Order::ByName(name, id), false) => select.order_by_asc(name).order_by_asc(id),
            (Order::ByName(name, id), true) => select.order_by_desc(name).order_by_desc(id),
            (Order::NewestFirst(id), false) => select.order_by_desc(id),
            (Order::NewestFirst(id), true) => select.order_by_asc(id),
        };
        let mut statement = db.read().get_database_backend().build(select.as_query());
        // Were it a value beside the text, PostgreSQL would plan each page anew: it takes a limit that it does not know for
        // a tenth of all rows.
        statement.sql.push_str(&format!(" LIMIT {}", window.most));
        let mut rows = E::find().from_raw_sql(statement).all(db.read()).await?;
        if window.from_end {
            rows.reverse();
        }
        Ok(rows)
    }

    async fn count(&self, db: &Db) -> Result<u64, StoreError> {
        Ok(self.select.clone().count(db.read()).await?)
    }
}

impl<E: OfClub> Listing<E> {
    /// What comes after a key, or before it.
    fn beyond(&self, key: &Key, after: bool) -> Condition {
        match self.order {
            // The first half alone says where in the index to begin; an `or` of both would read it from its start.
            Order::ByName(name, id) => {
                let text = key.name.as_str();
                let (from, further, next) = if after {
                    (name.gte(text), name.gt(text), id.gt(key.id))
                } else {
                    (name.lte(text), name.lt(text), id.lt(key.id))
                };
                Condition::all()
                    .add(from)
                    .add(Condition::any().add(further).add(next))
            }
            Order::NewestFirst(id) if after => Condition::all().add(id.lt(key.id)),
            Order::NewestFirst(id) => Condition::all().add(id.gt(key.id)),
        }
    }
}

macro_rules! keyed {
    (by $id:ident, name: $($named:ident in $list:ident),*; newest: $($newest:ident in $newest_list:ident),*) => {
        $(impl Keyed for row::$named {
            const LIST: ListOf = ListOf::$list;

            fn key(&self) -> Key {
                Key { name: self.folded_name.clone(), id: self.$id }
            }
        })*
        $(impl Keyed for row::$newest {
            const LIST: ListOf = ListOf::$newest_list;

            fn key(&self) -> Key {
                Key { name: String::new(), id: self.$id }
            }
        })*
    };
}

keyed!(
    by id,
    name: Place in Places, Lock in Locks, Group in Groups, Member in Members, Offering in Offerings, Location in Locations;
    newest: Delivery in Deliveries, HistoryEntry in History, Revocation in Revocations
);
keyed!(by rule_id, name: Rule in Rules; newest:);
