//! The test harness: a whole service with its own database and the Kisi sandbox, its clients, and the check that Kisi is in
//! step. It uses the service through its public interfaces and not through the internals of the parts that it starts.

pub mod api;
pub mod child;
pub mod event;
pub mod kisi_checks;
pub mod platform;
pub mod postgres;
pub mod proxy;
pub mod schema;
pub mod service_process;
pub mod socket;
pub mod switchboard;
pub mod world;

/// Generates a test on SQLite and one on PostgreSQL from each `async fn name(world: &mut World)`: `name::sqlite` and
/// `name::postgres`. A leading `with SETUP;` replaces the default `Setup`.
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
