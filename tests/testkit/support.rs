use sqlx::{Connection, PgConnection};

/// A connection, or the test ends.
pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("a connection")
}

pub(crate) async fn one<T>(connection: &mut PgConnection, sql: &'static str) -> T
where
    T: Send + Unpin + sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
{
    sqlx::query_scalar(sql).fetch_one(connection).await.expect(sql)
}
