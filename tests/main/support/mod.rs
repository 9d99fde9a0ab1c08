//! What the tests stand on: a whole service with a database of its own and the Kisi sandbox, its clients, and the judgement
//! whether Kisi is as it should be. Made for tests alone; must never reach into the parts that it starts.

pub mod api;
pub mod child;
pub mod event;
pub mod judge;
pub mod platform;
pub mod postgres;
pub mod proxy;
pub mod schema;
pub mod socket;
pub mod switchboard;
pub mod world;

/// Makes of each `async fn name(world: &mut World)` a test on SQLite and one on PostgreSQL, `name::sqlite` and
/// `name::postgres`. `with SETUP;` in front is for worlds that are not the usual one.
macro_rules! on_both {
    (with $setup:expr; $($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::support::world::World::run($crate::support::world::Database::Sqlite, $setup, |world| Box::pin($name(world))).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::support::world::World::run($crate::support::world::Database::Postgres, $setup, |world| Box::pin($name(world))).await;
            }
        }
    )+};
    ($($name:ident),+ $(,)?) => {
        on_both!(with $crate::support::world::Setup::default(); $($name),+);
    };
}
