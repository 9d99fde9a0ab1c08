//! Runs statements that only read, each on a connection of the pool. A connection that died while nobody used it is replaced, and
//! the statement asked again: reading twice does no harm. `Db` hands it out.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait,
};

use super::{
    failure::{self, Failure},
    pool::Pool,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) pool: Pool,
}

/// Runs a statement; a second time where the connection had been kept and was found dead at once.
macro_rules! run {
    ($reader:expr, $call:ident, $statement:expr) => {{
        let mut lent = $reader.pool.lend().await?;
        let answer = lent.session()?.$call($statement).await;
        let again = lent.is_reused
            && matches!(&answer, Err(problem) if is_dead(problem));
        lent.give_back();
        if again {
            let mut lent = $reader.pool.lend().await?;
            let answer = lent.session()?.$call($statement).await;
            lent.give_back();
            return answer;
        }
        answer
    }};
}

/// The connection is gone. One that is silent is not asked again: whoever waits has waited long enough.
fn is_dead(problem: &DbErr) -> bool {
    failure::of_db(problem) == Failure::Connection && !failure::is_overdue(problem)
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
