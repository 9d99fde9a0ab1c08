//! Connections: how lists are given in pages, from either end, with opaque cursors that survive restarts and are stable
//! under inserts. 50 where neither first nor last is given; more than 250 is refused. The count of all is asked of the
//! database only where somebody asks for it.

use std::{future::Future, pin::Pin, sync::Arc};

use async_graphql::{Result, SimpleObject};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::error::{bad_input, unlisted};
use crate::{
    app::App,
    store::{
        StoreError,
        page::{Key, Keyed, ListOf, Listed, Window},
    },
};

/// How many there are where nothing is said.
pub const USUAL: i32 = 50;
/// How many there may be.
pub const MOST: i32 = 250;

/// Where a page lies in its list.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::prompt")]
pub struct PageInfo {
    /// Whether there is more after the page.
    has_next_page: bool,
    /// Whether there is more before the page.
    has_previous_page: bool,
    /// The cursor of the first on the page; null where the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last on the page; null where the page is empty.
    end_cursor: Option<String>,
}

/// The cost that counts as beyond all limits.
const HIGHEST_COST: usize = 1 << 32;

/// What a page costs: as much as all that may be on it.
pub fn cost(first: Option<i32>, last: Option<i32>, each: usize) -> usize {
    let length = first.or(last).unwrap_or(USUAL).clamp(1, MOST);
    times(usize::try_from(length).unwrap_or(1), each) + 1
}

/// What so many cost: never so much that the costs of a whole document, added up, would not fit.
pub fn times(count: usize, each: usize) -> usize {
    count.saturating_mul(each).min(HIGHEST_COST)
}

/// Which page is asked for.
#[derive(Clone, Debug)]
pub struct Arguments {
    after: Option<String>,
    before: Option<String>,
    from_end: bool,
    most: u64,
}

impl Arguments {
    /// From the arguments of a connection. Both `first` and `last`, and one that is negative or above
    /// 250 are refused.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        let (name, length) = match (first, last) {
            (Some(_), Some(_)) => return Err(bad_input("first and last: give one of them")),
            (None, Some(last)) => ("last", last),
            (first, None) => ("first", first.unwrap_or(USUAL)),
        };
        let most = u64::try_from(length).ok().filter(|_| length <= MOST);
        let Some(most) = most else {
            return Err(bad_input(format!("{name}: a number from 0 to {MOST}")));
        };
        Ok(Self {
            after,
            before,
            from_end: last.is_some(),
            most,
        })
    }

    /// The part of a list. A cursor that is none of this list is refused.
    fn window(&self, list: ListOf) -> Result<Window> {
        let key = |argument, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| cursor(list, argument, text)).transpose()
        };
        Ok(Window {
            after: key("after", &self.after)?,
            before: key("before", &self.before)?,
            from_end: self.from_end,
            most: self.most,
        })
    }
}

/// Whether a text is a cursor of a list.
pub fn is_cursor(list: ListOf, text: &str) -> bool {
    cursor(list, "after", text).is_ok()
}

fn cursor(list: ListOf, argument: &str, text: &str) -> Result<Key> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let read = bytes.as_deref().and_then(|bytes| {
        let (mark, key) = bytes.split_first()?;
        let (id, name) = key.split_at_checked(16)?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        // No name that was folded has NUL in it, and PostgreSQL takes none.
        let is_of_list = *mark == list as u8 && !name.contains('\0');
        is_of_list.then_some(Key {
            name,
            id: Uuid::from_slice(id).ok()?,
        })
    });
    read.ok_or_else(|| bad_input(format!("{argument}: it is no cursor of this list")))
}

fn cursor_of(list: ListOf, key: &Key) -> String {
    let bytes = [
        &[list as u8],
        key.id.as_bytes().as_slice(),
        key.name.as_bytes(),
    ];
    URL_SAFE_NO_PAD.encode(bytes.concat())
}

type Counted = Pin<Box<dyn Future<Output = Result<u64, StoreError>> + Send>>;

/// Counts all that a connection lists.
pub type Counting = Box<dyn Fn() -> Counted + Send + Sync>;

/// A page of rows.
pub struct Page<R> {
    /// Each with its cursor.
    pub rows: Vec<(String, R)>,
    /// Where it lies.
    pub info: PageInfo,
    /// How many there are in all.
    pub counting: Counting,
}

/// Loads a page.
pub async fn load<L, C>(app: &Arc<App>, list: L, arguments: Arguments) -> Result<C>
where
    L: Listed,
    C: From<Page<L::Row>>,
{
    let of = <L::Row as Keyed>::LIST;
    let mut window = arguments.window(of)?;
    let most = usize::try_from(window.most).unwrap_or(usize::MAX);
    // One more than asked for, to see whether there is one.
    window.most += 1;
    let mut rows = list.rows(&app.db, &window).await.map_err(unlisted)?;
    let more = rows.len() > most;
    if more && window.from_end {
        rows.remove(0);
    }
    rows.truncate(most);
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| (cursor_of(of, &row.key()), row))
        .collect();
    let (has_next_page, has_previous_page) = if window.from_end {
        (window.before.is_some(), more)
    } else {
        (more, window.after.is_some())
    };
    let info = PageInfo {
        has_next_page,
        has_previous_page,
        start_cursor: rows.first().map(|(cursor, _)| cursor.clone()),
        end_cursor: rows.last().map(|(cursor, _)| cursor.clone()),
    };
    let (app, list) = (app.clone(), Arc::new(list));
    let counting: Counting = Box::new(move || {
        let (app, list) = (app.clone(), list.clone());
        Box::pin(async move { list.count(&app.db).await })
    });
    Ok(C::from(Page {
        rows,
        info,
        counting,
    }))
}

/// Rows in the order of their lists.
pub fn by_name<R: Keyed>(mut rows: Vec<R>) -> Vec<R> {
    rows.sort_by_cached_key(|row| {
        let key = row.key();
        (key.name, key.id)
    });
    rows
}

/// How many there are, as GraphQL's Int.
pub(super) async fn total(counting: &Counting) -> Result<i32> {
    let count = counting().await.map_err(unlisted)?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Makes a connection and its edge, by the names of the API.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident, $(#[$edge_doc:meta])* $edge:ident, $node:ident) => {
        $(#[$edge_doc])*
        #[derive(async_graphql::SimpleObject)]
        #[graphql(crate = "crate::graphql::prompt")]
        pub struct $edge {
            /// Where it stands: hand it to `after` or `before`.
            cursor: String,
            /// What stands there.
            node: $node,
        }

        $(#[$doc])*
        pub struct $connection {
            edges: Vec<$edge>,
            info: $crate::graphql::page::PageInfo,
            counting: $crate::graphql::page::Counting,
        }

        impl<R: Into<$node>> From<$crate::graphql::page::Page<R>> for $connection {
            fn from(page: $crate::graphql::page::Page<R>) -> Self {
                let rows = page.rows.into_iter();
                Self {
                    edges: rows.map(|(cursor, row)| $edge { cursor, node: row.into() }).collect(),
                    info: page.info,
                    counting: page.counting,
                }
            }
        }

        $(#[$doc])*
        #[async_graphql::Object(crate = "crate::graphql::prompt")]
        impl $connection {
            /// What is on the page, each with its cursor.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The same without cursors.
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where the page lies in its list.
            async fn page_info(&self) -> &$crate::graphql::page::PageInfo {
                &self.info
            }

            /// How many there are in all.
            async fn total_count(&self) -> async_graphql::Result<i32> {
                $crate::graphql::page::total(&self.counting).await
            }
        }
    };
}
pub(super) use connection;
