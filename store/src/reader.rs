//! Runs read statements, each on a connection of the pool. If a pooled connection died while idle, it is replaced and the
//! statement is repeated, which is safe for reads. Returned by `Db::read`.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait,
};

use super::{
    failure::{self, Failure},
    pool::Pool,
};

#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) pool: Pool,
}

/// Runs a statement, and repeats it once if a reused connection turns out to be dead.
macro_rules! run {
    ($reader:expr, $call:ident, $statement:expr) => {{
        let mut lent = $reader.pool.acquire().await?;
        let answer = lent.session()?.$call($statement).await;
        let again = lent.is_reused
            && matches!(&answer, Err(problem) if is_dead(problem));
        lent.release();
        if again {
            let mut lent = $reader.pool.acquire().await?;
            let answer = lent.session()?.$call($statement).await;
            lent.release();
            return answer;
        }
        answer
    }};
}

/// Whether the connection is lost. A missed deadline does not count: repeating the statement would make the caller wait twice.
fn is_dead(problem: &DbErr) -> bool {
    failure::of_db(problem) == Failure::Connection && !failure::is_timeout(problem)
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        run!(self, execute, statement.clone())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        run!(self, execute_unprepared, sql)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        run!(self, query_one, statement.clone())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        run!(self, query_all, statement.clone())
    }
}
