//! What the guide's page "Coming from" shows of others, so that it is code that compiles. A test compares the two:
//! `tests/src/guide/tests.rs`. Nothing of it is run.

use std::error::Error;
use std::pin::pin;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

diesel::table! {
    users (id) {
        id -> Int8,
        name -> Text,
        age -> Int4,
    }
}

struct User {
    id: i64,
    name: String,
}

async fn names(conn: &mut AsyncPgConnection) -> Result<Vec<String>, Box<dyn Error>> {
    use self::users::dsl::{age, name, users};
    let names: Vec<String> = users.filter(age.gt(18)).order(name.asc()).select(name).load(conn).await?;
    Ok(names)
}

async fn load(client: &tokio_postgres::Client, users: &[User]) -> Result<u64, Box<dyn Error>> {
    let sink = client.copy_in("COPY users (id, name) FROM STDIN BINARY").await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::INT8, Type::TEXT]));
    for user in users {
        writer.as_mut().write(&[&user.id, &user.name]).await?;
    }
    let rows = writer.finish().await?;
    Ok(rows)
}

fn main() {
    let _ = (names, load);
}
