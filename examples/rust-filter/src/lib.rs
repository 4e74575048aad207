// SPDX-License-Identifier: Apache-2.0
//! Adds `x-wasm-filter: <plugin_configuration>` to each response.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { value: String::new() }));
}}

struct Root {
    value: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        match String::from_utf8(bytes) {
            // "false" is a NACK: Envoy keeps what it runs, and `wasmxds status` says so.
            Err(_) => false,
            Ok(value) => {
                self.value = value;
                true
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter { value: self.value.clone() }))
    }
}

struct Filter {
    value: String,
}

impl Context for Filter {}

impl HttpContext for Filter {
    fn on_http_response_headers(&mut self, _headers: usize, _end: bool) -> Action {
        self.add_http_response_header("x-wasm-filter", &self.value);
        Action::Continue
    }
}
