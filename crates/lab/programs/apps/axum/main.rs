//! Axum as people use it: axum-app PORT DIRECTORY. An upload is refused by its length.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

const LARGEST_UPLOAD: u64 = 1 << 20;

async fn refuse(request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > LARGEST_UPLOAD) {
        return (StatusCode::PAYLOAD_TOO_LARGE, "too large\n").into_response();
    }
    next.run(request).await
}

#[tokio::main]
async fn main() {
    let [port, directory] = [1, 2].map(|at| std::env::args().nth(at).expect("PORT DIRECTORY"));
    let files = Router::new().fallback_service(ServeDir::new(directory)).layer(middleware::from_fn(refuse));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    axum::serve(listener, files).await.expect("it serves until it is killed");
}
