//! Credentials, endpoints and error codes of AWS.

use aws_sdk_secretsmanager::config::Credentials;

/// The partitions: a prefix of regions, and the DNS suffixes of endpoints and dual-stack endpoints. Longer prefixes
/// come first. A test compares them with the AWS SDK, which has AWS's own list (`partitions.json` of the SDKs).
const PARTITIONS: [(&str, &str, &str); 8] = [
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    (US_GOV, "amazonaws.com", "api.aws"),
    ("", "amazonaws.com", "api.aws"),
];

const US_GOV: &str = "us-gov-";

/// The kind of endpoints: `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EndpointKind {
    pub(crate) use_fips: bool,
    pub(crate) use_dual_stack: bool,
}

/// The URL of DynamoDB in a region. In GovCloud its plain endpoint is the FIPS endpoint.
pub(super) fn dynamodb_endpoint(region: &str, kind: EndpointKind) -> String {
    let is_plain = region.starts_with(US_GOV) && !kind.use_dual_stack;
    endpoint("dynamodb", region, EndpointKind { use_fips: kind.use_fips && !is_plain, ..kind })
}

/// The URL of a service in a region, by the naming rule of all AWS services.
fn endpoint(service: &str, region: &str, EndpointKind { use_fips, use_dual_stack }: EndpointKind) -> String {
    let fips = if use_fips { "-fips" } else { "" };
    let partition = PARTITIONS.iter().find(|(region_prefix, ..)| region.starts_with(region_prefix));
    let suffix = partition.map_or(
        "amazonaws.com",
        |(_, suffix, dual_stack_suffix)| {
            if use_dual_stack { dual_stack_suffix } else { suffix }
        },
    );
    format!("https://{service}{fips}.{region}.{suffix}")
}

/// Validates the name of a region, which becomes a label of host names.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_name && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err("not the name of a region, as in eu-west-1".to_owned())
    }
}

/// `true` or `false` in any letter case, as the AWS SDKs read flags.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    text.trim().to_ascii_lowercase().parse().map_err(|_| "neither true nor false".to_owned())
}

/// The credentials in the environment, where Lambda puts them. They last as long as the environment. `None` makes every
/// call to AWS fail.
pub(crate) fn credentials_of_environment() -> Option<Credentials> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (key, secret) = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"))?;
    Some(Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "environment"))
}

/// Whether a text has the form of an AWS error code.
pub(crate) fn is_error_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    use super::*;

    const REGIONS: [&str; 12] = [
        "us-east-1",
        "eu-west-1",
        "ap-southeast-5",
        "mx-central-1",
        "us-gov-west-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-south-1",
        "eu-isoe-west-1",
        "il-central-1",
    ];

    #[tokio::test]
    async fn endpoints_are_those_of_the_aws_sdk() {
        for region in REGIONS {
            // Secrets Manager has no separate dual-stack endpoints: its plain endpoints are dual-stack.
            for use_fips in [false, true] {
                let kind = EndpointKind { use_fips, use_dual_stack: false };
                let params = Params::builder().region(region).use_fips(use_fips).build().unwrap();
                let expected = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
                assert_eq!(endpoint("secretsmanager", region, kind), expected.url(), "{region} {kind:?}");
            }
        }
    }

    #[test]
    fn dynamodb_endpoints() {
        let [plain, fips, dual_stack, both] = [(false, false), (true, false), (false, true), (true, true)]
            .map(|(use_fips, use_dual_stack)| EndpointKind { use_fips, use_dual_stack });
        for (region, kind, expected) in [
            ("us-east-1", plain, "https://dynamodb.us-east-1.amazonaws.com"),
            ("us-east-1", fips, "https://dynamodb-fips.us-east-1.amazonaws.com"),
            ("us-east-1", dual_stack, "https://dynamodb.us-east-1.api.aws"),
            ("us-east-1", both, "https://dynamodb-fips.us-east-1.api.aws"),
            ("us-gov-west-1", fips, "https://dynamodb.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", both, "https://dynamodb-fips.us-gov-west-1.api.aws"),
            ("cn-north-1", dual_stack, "https://dynamodb.cn-north-1.api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", dual_stack, "https://dynamodb.eusc-de-east-1.api.amazonwebservices.eu"),
            ("cn-north-1", plain, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", plain, "https://dynamodb.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", plain, "https://dynamodb.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", fips, "https://dynamodb-fips.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            assert_eq!(dynamodb_endpoint(region, kind), expected, "{region} {kind:?}");
        }
    }
}
