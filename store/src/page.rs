//! Keyset pagination: by name and then id, or newest first, forward or backward. A key holds the values that order a row, so
//! that a page continues where the last one ended even if rows were inserted meanwhile. Offsets are never used. Used by the
//! API's connections; `listings` defines the lists.

use std::cmp::Ordering;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QueryTrait, Select,
};
use uuid::Uuid;

use super::{Db, StoreError, row, scope::OfClub};

/// Identifies a list. Cursors contain it, so that a cursor of another list is refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
#[repr(u8)]
pub enum ListKind {
    // Greater than the first byte of any id, because old cursors began with an id instead of a list.
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
    Shares,
    Suspensions,
    Tokens,
    Companies,
    WebhookMessages,
}

/// The position of a row in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The folded name; empty in lists that are ordered only by id.
    pub name: String,
    pub id: Uuid,
}

/// The requested part of a list.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Only rows after this key.
    pub after: Option<Key>,
    /// Only rows before this key.
    pub before: Option<Key>,
    /// Take the last rows instead of the first.
    pub from_end: bool,
    /// The maximum number of rows.
    pub most: u64,
}

impl Window {
    /// Applies the window to rows in memory, which must be in list order; `compare` orders a row relative to a key.
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

/// A row with a position in a list.
pub trait Keyed {
    /// The row's list.
    const LIST: ListKind;

    fn key(&self) -> Key;
}

/// A list that can be read in pages.
pub trait Listed: Send + Sync + 'static {
    type Row: Keyed + Send;

    /// The rows of a window, in list order.
    fn rows(
        &self,
        db: &Db,
        window: &Window,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// The total number of rows, regardless of windows.
    fn count(&self, db: &Db) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// The order of a list of rows that are never changed.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum ByTime {
    #[default]
    NewestFirst,
    OldestFirst,
}

impl ByTime {
    pub(super) fn by<C>(self, id: C) -> Order<C> {
        match self {
            Self::NewestFirst => Order::NewestFirst(id),
            Self::OldestFirst => Order::OldestFirst(id),
        }
    }
}

/// The order of a list.
#[derive(Copy, Clone, Debug)]
pub(super) enum Order<C> {
    /// By a name, then by id.
    ByName(C, C),
    /// By id, the greatest first, because ids grow with time.
    NewestFirst(C),
    /// By id, the smallest first.
    OldestFirst(C),
}

/// A list over one table.
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
            select = select.filter(self.past_key(key, true));
        }
        if let Some(key) = &window.before {
            select = select.filter(self.past_key(key, false));
        }
        select = match (self.order, window.from_end) {
            (Order::ByName(name, id), false) => select.order_by_asc(name).order_by_asc(id),
            (Order::ByName(name, id), true) => select.order_by_desc(name).order_by_desc(id),
            (Order::NewestFirst(id), false) => select.order_by_desc(id),
            (Order::NewestFirst(id), true) | (Order::OldestFirst(id), false) => {
                select.order_by_asc(id)
            }
            (Order::OldestFirst(id), true) => select.order_by_desc(id),
        };
        let mut statement = db.read().get_database_backend().build(select.as_query());
        // The limit is part of the text. With a parameter PostgreSQL would plan each page anew, because it estimates an
        // unknown limit as a tenth of all rows.
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
    /// Changes the direction of a list by time.
    pub fn order_by_time(&mut self, order: ByTime) {
        if let Order::NewestFirst(id) | Order::OldestFirst(id) = self.order {
            self.order = order.by(id);
        }
    }

    /// The condition for rows after a key, or before it.
    fn past_key(&self, key: &Key, after: bool) -> Condition {
        match self.order {
            // The separate `from` condition lets the index scan begin at the key; with only the `OR` it would begin at the start.
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
            Order::OldestFirst(id) if !after => Condition::all().add(id.lt(key.id)),
            Order::NewestFirst(id) | Order::OldestFirst(id) => Condition::all().add(id.gt(key.id)),
        }
    }
}

macro_rules! keyed {
    (by $id:ident, name: $($named:ident in $list:ident),*; newest: $($newest:ident in $newest_list:ident),*) => {
        $(impl Keyed for row::$named {
            const LIST: ListKind = ListKind::$list;

            fn key(&self) -> Key {
                Key { name: self.folded_name.clone(), id: self.$id }
            }
        })*
        $(impl Keyed for row::$newest {
            const LIST: ListKind = ListKind::$newest_list;

            fn key(&self) -> Key {
                Key { name: String::new(), id: self.$id }
            }
        })*
    };
}

keyed!(
    by id,
    name: Place in Places, Lock in Locks, Group in Groups, Member in Members, Offering in Offerings, Location in Locations;
    newest: Delivery in Deliveries, HistoryEntry in History, Revocation in Revocations, Share in Shares,
        Suspension in Suspensions, WebhookMessage in WebhookMessages
);
keyed!(by rule_id, name: Rule in Rules; newest:);

macro_rules! keyed_by_plain_name {
    ($($row:ident in $list:ident),*) => {
        $(impl Keyed for row::$row {
            const LIST: ListKind = ListKind::$list;

            fn key(&self) -> Key {
                Key { name: self.name.clone(), id: self.id }
            }
        })*
    };
}

keyed_by_plain_name!(Token in Tokens, Company in Companies);
