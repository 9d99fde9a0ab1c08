//! Statements for PostgreSQL that have the same text for any number of values, which are bound as arrays: each connection prepares
//! them once. Their plans need no statistics, so that they are the same in a new database and in one that was analysed.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityName, EntityTrait, Iden, Iterable, QueryTrait, Select,
    Value,
    sea_query::{
        Alias, ArrayType, Asterisk, Condition, Expr, ExprTrait, Func, InsertStatement, JoinType,
        OnConflict, Order, Query, SelectStatement,
    },
};

use crate::{ClubScope, scope::OfClub};

/// The name of the values that a statement is given.
const GIVEN: &str = "given";
const FOUND: &str = "found";

/// Inserts rows. A column of which a row has no value is null.
pub fn insert<A: ActiveModelTrait>(
    rows: Vec<A>,
    conflict: Option<OnConflict>,
) -> Result<InsertStatement, sea_orm::DbErr> {
    type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
    let columns: Vec<Column<A>> = Column::<A>::iter().collect();
    let mut values: Vec<Vec<Value>> = columns.iter().map(|_| Vec::new()).collect();
    for row in &rows {
        for (column, all) in columns.iter().zip(&mut values) {
            all.extend(row.get(*column).into_value());
        }
    }
    drop(rows);
    let mut given = Query::select();
    let mut row = Query::select();
    for (column, values) in columns.iter().zip(values) {
        let name = column.to_string();
        let (array, nulls) = array(values)?;
        given.expr_as(unnest(array), Alias::new(name.clone()));
        let value = Expr::col((Alias::new(GIVEN), Alias::new(name.clone())));
        if column.def().is_null() {
            let is_null = Alias::new(format!("{name} is null"));
            given.expr_as(unnest(nulls), is_null.clone());
            let is_null = Expr::col((Alias::new(GIVEN), is_null));
            row.expr(Expr::case(is_null, Expr::cust("NULL")).finally(value));
        } else {
            row.expr(value);
        }
    }
    row.from_subquery(given, Alias::new(GIVEN));
    let mut statement = InsertStatement::new();
    statement
        .into_table(A::Entity::default().table_ref())
        .columns(columns)
        .select_from(row)
        .map_err(|problem| sea_orm::DbErr::Custom(problem.to_string()))?;
    if let Some(conflict) = conflict {
        statement.on_conflict(conflict);
    }
    Ok(statement)
}

/// Selects the rows of the club that `select` finds with one of these distinct texts in the column: each text by an index on the
/// conditions of `select` and the column. The offset keeps the inner query apart. Without it PostgreSQL reads all rows that the other
/// conditions allow, in a table without statistics, and compares each with each text.
pub fn select_by_texts<E: OfClub>(
    scope: ClubScope,
    select: Select<E>,
    column: E::Column,
    texts: Vec<String>,
) -> SelectStatement {
    let club = Expr::col((Alias::new(FOUND), E::CLUB));
    let mut all = select_by_values(select.into_query(), column, texts);
    all.and_where(club.eq(scope.club));
    all
}

/// Limits `select` to the rows whose column is one of these distinct values: each value by an index on the column, as in
/// `select_by_texts`. A statement with `= ANY` would be planned for ten values; as long as a table is small, that plan reads another
/// index from end to end, and connections keep it while the table grows, until statistics arrive.
pub fn select_by_values(
    select: SelectStatement,
    column: impl ColumnTrait,
    values: impl Into<Value>,
) -> SelectStatement {
    let mut all = Query::select();
    all.column((Alias::new(FOUND), Asterisk))
        .from_function(any_number_of(values), GIVEN);
    join_given(all, select, column)
}

/// Like `select_by_values`, with the values of a column of `values`, each once and in their order: in this order `select` locks its
/// rows, if it does.
pub fn select_by_selected(
    select: SelectStatement,
    column: impl ColumnTrait,
    (values, name): (SelectStatement, impl Iden),
) -> SelectStatement {
    let mut given = Query::select();
    given
        .distinct()
        .expr_as(
            Expr::col((Alias::new(FOUND), Alias::new(name.to_string()))),
            GIVEN,
        )
        .from_subquery(values, Alias::new(FOUND))
        .order_by_expr(Expr::cust("1"), Order::Asc);
    let mut all = Query::select();
    all.column((Alias::new(FOUND), Asterisk))
        .from_subquery(given, Alias::new(GIVEN));
    join_given(all, select, column)
}

fn join_given(
    mut all: SelectStatement,
    mut select: SelectStatement,
    column: impl ColumnTrait,
) -> SelectStatement {
    let value = Expr::col((Alias::new(GIVEN), Alias::new(GIVEN)));
    let is_value = Expr::col(column.as_column_ref()).eq(value);
    select.and_where(is_value).offset(0);
    all.join_lateral(JoinType::InnerJoin, select, FOUND, Condition::all());
    all
}

/// Adds the rows of `other`, which refers to those of `select`, to `select`: apart, as in `select_by_texts`.
pub fn beside_each(mut select: SelectStatement, mut other: SelectStatement) -> SelectStatement {
    other.offset(0);
    select.join_lateral(JoinType::InnerJoin, other, FOUND, Condition::all());
    select
}

/// Selects from the rows of `first`, and beside each from those of `second`, which refers to it; null where there are none. Both go
/// by the names of their tables. The offset keeps `second` apart, as in `select_by_texts`.
pub fn from_apart(
    mut select: SelectStatement,
    (first, first_name): (SelectStatement, &'static str),
    (mut second, second_name): (SelectStatement, &'static str),
) -> SelectStatement {
    second.offset(0);
    select
        .from_clear()
        .from_subquery(first, Alias::new(first_name))
        .join_lateral(
            JoinType::LeftJoin,
            second,
            Alias::new(second_name),
            Condition::all(),
        );
    select
}

/// The values of an array as rows. The inner query hides their number from the planner: for one or two values a plan of its own
/// would seem better than the kept one, so that it would plan each time, which takes longer than the statement.
fn any_number_of(values: impl Into<Value>) -> sea_orm::sea_query::FunctionCall {
    let values = Query::select().expr(Expr::val(values)).take();
    Func::cust("unnest").arg(Expr::SubQuery(None, Box::new(values.into())))
}

fn unnest(array: Value) -> sea_orm::sea_query::FunctionCall {
    Func::cust("unnest").arg(Expr::val(array))
}

/// The values of a column as an array, with another value where they are null, and an array of which are null.
fn array(values: Vec<Value>) -> Result<(Value, Value), sea_orm::DbErr> {
    let (kind, other) = match values.first() {
        Some(Value::Uuid(_)) => (ArrayType::Uuid, Value::Uuid(Some(uuid::Uuid::nil()))),
        Some(Value::String(_)) => (ArrayType::String, Value::String(Some(String::new()))),
        Some(Value::BigInt(_)) => (ArrayType::BigInt, Value::BigInt(Some(0))),
        Some(Value::Int(_)) => (ArrayType::Int, Value::Int(Some(0))),
        Some(Value::Bool(_)) => (ArrayType::Bool, Value::Bool(Some(false))),
        Some(Value::Bytes(_)) => (ArrayType::Bytes, Value::Bytes(Some(Vec::new()))),
        other => {
            return Err(sea_orm::DbErr::Custom(format!(
                "no array can hold the value {other:?}"
            )));
        }
    };
    let is_null = |value: &Value| *value == value.as_null();
    let nulls: Vec<bool> = values.iter().map(is_null).collect();
    let filled = values
        .into_iter()
        .zip(&nulls)
        .map(|(value, is_null)| if *is_null { other.clone() } else { value })
        .collect();
    Ok((Value::Array(kind, Some(Box::new(filled))), nulls.into()))
}
