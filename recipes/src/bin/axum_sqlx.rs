//! axum and sqlx: no request is lost, the pool closes after the last response, and SQLite's log is
//! written back.

use std::{env, error::Error, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};
use tokio::{net::TcpListener, time::sleep};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?; // a signal during the set-up is not lost
    let file = env::args_os().nth(1).unwrap_or_else(|| env::temp_dir().join("visits.db").into());
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let pool = SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS visits (time)").execute(&pool).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}", listener.local_addr()?);
    let app = Router::new().route("/", get(visit)).with_state(pool.clone());

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("database", async move || close(pool).await)
        .within(Duration::from_secs(2))
        .exit_on(shutdown)
        .serve(Server::new(listener, app))
        .await?;
    Ok(())
}

async fn visit(State(pool): State<SqlitePool>) -> Result<String, StatusCode> {
    let visit = sqlx::query("INSERT INTO visits VALUES (datetime())").execute(&pool).await;
    let visit = visit.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    sleep(Duration::from_millis(200)).await; // the work
    Ok(format!("visitor {}\n", visit.last_insert_rowid()))
}

async fn close(pool: SqlitePool) -> Result<(), sqlx::Error> {
    let visits: i64 = sqlx::query_scalar("SELECT count(*) FROM visits").fetch_one(&pool).await?;
    println!("{visits} visits are stored");
    pool.close().await; // waits until no connection is in use
    Ok(())
}
