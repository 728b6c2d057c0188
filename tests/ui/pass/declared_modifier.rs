use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(sql_type = "int8")]
    id: i64,
    #[pg(sql_type = "varchar(20)")]
    name: String,
    #[pg(sql_type = "varchar(65536)")]
    nick: String,
    #[pg(sql_type = "bpchar(2)")]
    code: Option<String>,
    #[pg(sql_type = "varchar(20)")]
    names: Vec<String>,
    #[pg(via_sqlx, sql_type = "box(3)")]
    place: String,
}

#[derive(PgTable)]
#[pg(table = "counts")]
struct Count {
    #[pg(sql_type = "int8")]
    count: i64,
}

fn main() {}
