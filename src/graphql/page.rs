//! Connections: lists in pages, from either end, with opaque cursors that survive restarts and stay valid when rows are
//! inserted. The default page size is 50; more than 250 is refused. The total count runs a database query only if totalCount
//! is requested.

use std::{future::Future, pin::Pin, sync::Arc};

use async_graphql::{Result, SimpleObject};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::error::{bad_input, list_error};
use crate::{
    app::App,
    store::{
        StoreError,
        page::{Key, Keyed, ListKind, Listed, Window},
    },
};

/// The default page size.
pub const DEFAULT_PAGE_SIZE: i32 = 50;
/// The largest page size.
pub const MAX_PAGE_SIZE: i32 = 250;

/// The position of a page in its list.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct PageInfo {
    /// Whether there are elements after the page.
    has_next_page: bool,
    /// Whether there are elements before the page.
    has_previous_page: bool,
    /// Cursor of the first element; null for an empty page.
    start_cursor: Option<String>,
    /// Cursor of the last element; null for an empty page.
    end_cursor: Option<String>,
}

/// A cost above every limit. Costs are capped here so that their sum cannot overflow.
const MAX_COST: usize = 1 << 32;

/// The complexity of a page: the number of elements that it may have, times the complexity of each, plus one.
pub fn cost(first: Option<i32>, last: Option<i32>, each: usize) -> usize {
    let length = first
        .or(last)
        .unwrap_or(DEFAULT_PAGE_SIZE)
        .clamp(1, MAX_PAGE_SIZE);
    capped_product(usize::try_from(length).unwrap_or(1), each) + 1
}

/// `count` times `each`, capped so that the sum for a whole document cannot overflow.
pub fn capped_product(count: usize, each: usize) -> usize {
    count.saturating_mul(each).min(MAX_COST)
}

/// The validated paging arguments of a connection.
#[derive(Clone, Debug)]
pub struct PageArguments {
    after: Option<String>,
    before: Option<String>,
    from_end: bool,
    most: u64,
}

impl PageArguments {
    /// # Errors
    /// BAD_USER_INPUT if both `first` and `last` are given, or one is negative or above 250.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        let (name, length) = match (first, last) {
            (Some(_), Some(_)) => return Err(bad_input("first and last: use only one of them")),
            (None, Some(last)) => ("last", last),
            (first, None) => ("first", first.unwrap_or(DEFAULT_PAGE_SIZE)),
        };
        let most = u64::try_from(length)
            .ok()
            .filter(|_| length <= MAX_PAGE_SIZE);
        let Some(most) = most else {
            return Err(bad_input(format!(
                "{name}: must be from 0 to {MAX_PAGE_SIZE}"
            )));
        };
        Ok(Self {
            after,
            before,
            from_end: last.is_some(),
            most,
        })
    }

    /// # Errors
    /// BAD_USER_INPUT for a cursor of another list.
    fn window(&self, list: ListKind) -> Result<Window> {
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

pub fn is_cursor(list: ListKind, text: &str) -> bool {
    cursor(list, "after", text).is_ok()
}

fn cursor(list: ListKind, argument: &str, text: &str) -> Result<Key> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let read = bytes.as_deref().and_then(|bytes| {
        let (mark, key) = bytes.split_first()?;
        let (id, name) = key.split_at_checked(16)?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        // Folded names contain no NUL, and PostgreSQL rejects it.
        let is_of_list = *mark == list as u8 && !name.contains('\0');
        is_of_list.then_some(Key {
            name,
            id: Uuid::from_slice(id).ok()?,
        })
    });
    read.ok_or_else(|| bad_input(format!("{argument}: this is not a cursor of this list")))
}

fn cursor_of(list: ListKind, key: &Key) -> String {
    let bytes = [
        &[list as u8],
        key.id.as_bytes().as_slice(),
        key.name.as_bytes(),
    ];
    URL_SAFE_NO_PAD.encode(bytes.concat())
}

type CountFuture = Pin<Box<dyn Future<Output = Result<u64, StoreError>> + Send>>;

/// Counts all elements of the list.
pub type CountRows = Box<dyn Fn() -> CountFuture + Send + Sync>;

pub struct Page<R> {
    /// The rows with their cursors.
    pub rows: Vec<(String, R)>,
    pub info: PageInfo,
    /// Total number of elements in the list.
    pub counting: CountRows,
}

pub async fn load<L, C>(app: &Arc<App>, list: L, arguments: PageArguments) -> Result<C>
where
    L: Listed,
    C: From<Page<L::Row>>,
{
    let of = <L::Row as Keyed>::LIST;
    let mut window = arguments.window(of)?;
    let most = usize::try_from(window.most).unwrap_or(usize::MAX);
    // Read one row more than requested, to see whether there is another page.
    window.most += 1;
    let mut rows = list.rows(&app.db, &window).await.map_err(list_error)?;
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
    let counting: CountRows = Box::new(move || {
        let (app, list) = (app.clone(), list.clone());
        Box::pin(async move { list.count(&app.db).await })
    });
    Ok(C::from(Page {
        rows,
        info,
        counting,
    }))
}

/// Sorts rows in the order that their connections use: by name, then id.
pub fn by_name<R: Keyed>(mut rows: Vec<R>) -> Vec<R> {
    rows.sort_by_cached_key(|row| {
        let key = row.key();
        (key.name, key.id)
    });
    rows
}

/// The total as a GraphQL Int; capped at i32::MAX.
pub(super) async fn total(counting: &CountRows) -> Result<i32> {
    let count = counting().await.map_err(list_error)?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Defines a connection and its edge, with the names of the schema.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident, $(#[$edge_doc:meta])* $edge:ident, $node:ident) => {
        $(#[$edge_doc])*
        #[derive(async_graphql::SimpleObject)]
        #[graphql(crate = "crate::graphql::resolve")]
        pub struct $edge {
            /// The position of the element: pass it to `after` or `before`.
            cursor: String,
            /// The element.
            node: $node,
        }

        impl $edge {
            fn new(cursor: String, node: $node) -> Self {
                Self { cursor, node }
            }
        }

        $crate::graphql::page::connection!($(#[$doc])* $connection, of $edge, $node);
    };
    // With an edge that is defined elsewhere.
    ($(#[$doc:meta])* $connection:ident, of $edge:ident, $node:ident) => {
        $(#[$doc])*
        pub struct $connection {
            edges: Vec<$edge>,
            info: $crate::graphql::page::PageInfo,
            counting: $crate::graphql::page::CountRows,
        }

        impl<R: Into<$node>> From<$crate::graphql::page::Page<R>> for $connection {
            fn from(page: $crate::graphql::page::Page<R>) -> Self {
                let rows = page.rows.into_iter();
                Self {
                    edges: rows.map(|(cursor, row)| $edge::new(cursor, row.into())).collect(),
                    info: page.info,
                    counting: page.counting,
                }
            }
        }

        $(#[$doc])*
        #[async_graphql::Object(crate = "crate::graphql::resolve")]
        impl $connection {
            /// The elements of the page with their cursors.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The elements of the page.
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// The position of the page in its list.
            async fn page_info(&self) -> &$crate::graphql::page::PageInfo {
                &self.info
            }

            /// Total number of elements in the list.
            async fn total_count(&self) -> async_graphql::Result<i32> {
                $crate::graphql::page::total(&self.counting).await
            }
        }
    };
}
pub(super) use connection;
