//! All that exists in AWS for one namespace, in lines that a test can compare.

use std::collections::HashMap;

use crate::world::World;

const TAG: &str = "sfe.dev/namespace";
const ROLE_PATH: &str = "/sfe/";
/// Of the hash at the end of our names.
const HASH_LENGTH: usize = 10;

impl World {
    /// What AWS holds for a namespace, sorted, the hash at the end of our names left out. What is there twice is twice
    /// in the list.
    ///
    /// ```text
    /// log group /aws/vendedlogs/states/sfe-shop-orders-logs
    /// rest api shop-orders
    /// role sfe-shop-orders-gateway
    /// role sfe-shop-orders-workflow
    /// stage shop-orders/prod
    /// state machine sfe-shop-orders-express
    /// ```
    pub async fn inventory(&self, namespace: &str) -> Vec<String> {
        let ours = format!("sfe-{namespace}-");
        let mut found = Vec::new();
        for (id, name) in self.rest_apis(namespace).await {
            found.push(format!("rest api {name}"));
            // The API may go at any time.
            let Ok(stages) = self.apigateway.get_stages().rest_api_id(&id).send().await else { continue };
            let stages = stages.item().iter().filter_map(|stage| stage.stage_name());
            found.extend(stages.map(|stage| format!("stage {name}/{stage}")));
        }
        let roles = self.iam.list_roles().path_prefix(ROLE_PATH).send().await.unwrap();
        let roles = roles.roles().iter().map(|role| role.role_name()).filter(|name| name.starts_with(&ours));
        found.extend(roles.map(|name| format!("role {}", readable(name))));
        let machines = self.sfn.list_state_machines().send().await.unwrap();
        let machines = machines.state_machines().iter().map(|machine| machine.name());
        found.extend(
            machines.filter(|name| name.starts_with(&ours)).map(|name| format!("state machine {}", readable(name))),
        );
        let groups = self.logs.describe_log_groups().send().await.unwrap();
        let groups = groups.log_groups().iter().filter_map(|group| group.log_group_name());
        found.extend(groups.filter(|name| name.contains(&ours)).map(|name| format!("log group {}", readable(name))));
        let is_ours = |tags: Option<&HashMap<String, String>>| {
            tags.is_some_and(|tags| tags.get(TAG).is_some_and(|of| of == namespace))
        };
        let keys = self.apigateway.get_api_keys().limit(500).send().await.unwrap();
        let keys = keys.items().iter().filter(|key| is_ours(key.tags()));
        found.extend(keys.map(|key| format!("API key {}", key.name().unwrap_or_default())));
        let plans = self.apigateway.get_usage_plans().limit(500).send().await.unwrap();
        let plans = plans.items().iter().filter(|plan| is_ours(plan.tags()));
        found.extend(plans.map(|plan| format!("usage plan {}", plan.name().unwrap_or_default())));
        found.sort();
        found
    }

    /// Ids and names of the REST APIs that are tagged with a namespace, or named like it.
    pub async fn rest_apis(&self, namespace: &str) -> Vec<(String, String)> {
        let answer = self.apigateway.get_rest_apis().limit(500).send().await.unwrap();
        let apis = answer.items().iter().filter(|api| {
            let tag = api.tags().and_then(|tags| tags.get(TAG));
            let named = api.name().is_some_and(|name| name.starts_with(&format!("{namespace}-")));
            tag.map_or(named, |tag| tag == namespace)
        });
        apis.map(|api| (api.id().unwrap_or_default().to_owned(), api.name().unwrap_or_default().to_owned())).collect()
    }
}

/// Without the hash, which differs with the cluster.
fn readable(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((head, hash)) if hash.len() == HASH_LENGTH && hash.bytes().all(|c| c.is_ascii_hexdigit()) => head,
        _ => name,
    }
}
