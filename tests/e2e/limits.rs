//! The operator's own rate limits: what waits says so, and goes when it may.

use crate::http;
use crate::operator::Operator;
use crate::world::{self, condition, until};

const FLAGS: [&str; 2] = ["--rate", "apigateway:CreateDeployment=0.5"];

#[test]
fn who_waits_for_a_slow_call_says_so_and_goes_in_turn() {
    world::run(async |world| {
        let namespace = "limits";
        world.create_namespace(namespace);
        let operator = Operator::start(world, namespace, &FLAGS).await;
        let begin = world.last_call().await;
        let names = ["a", "b", "c", "d"];
        let manifest = include_str!("../../examples/hello.yaml");
        let manifests = names.map(|name| manifest.replace("name: hello", &format!("name: {name}"))).join("\n---\n");
        world.apply(namespace, &manifests);
        let waits = until("one of them waits for its turn", async || {
            for name in names {
                let endpoint = world.endpoint(namespace, name).await.unwrap_or_default();
                let message = condition(&endpoint, "Reconciling")["message"].as_str().unwrap_or_default().to_owned();
                if message.contains("the operator's own rate limit allows CreateDeployment in about ")
                    && message.contains(" ahead")
                {
                    return Ok(http::get(format!("http://{}/metrics", operator.address)).send().await.body);
                }
            }
            Err("nobody waits")
        })
        .await;
        let gauge = r#"sfe_aws_calls_waiting{operation="apigateway:CreateDeployment",region="eu-central-1"} "#;
        let line = waits.lines().find_map(|line| line.strip_prefix(gauge)).unwrap_or_else(|| panic!("{waits}"));
        assert!(line.parse::<u32>().is_ok_and(|waiting| (1..=3).contains(&waiting)), "{line}");
        assert!(
            waits.contains(r#"sfe_aws_call_rate{operation="apigateway:CreateDeployment",region="eu-central-1"} 0.5"#)
        );
        for name in names {
            world.until_ready(namespace, name).await;
        }
        let calls = world.calls_after(begin, &operator.access_key).await;
        let made: Vec<u64> =
            calls.iter().filter(|call| call.operation == "CreateDeployment").map(|call| call.time_ms).collect();
        assert_eq!(made.len(), names.len());
        assert!(made.windows(2).all(|pair| pair[1] - pair[0] >= 1_800), "{made:?}");
        assert_eq!(calls.iter().filter(|call| call.operation == "CreateRestApi").count(), names.len());
    });
}
