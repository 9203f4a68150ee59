# A Terraform or OpenTofu module that deploys the zip files of a release.
#
#   terraform apply -var zips=../../dist -var issuer=https://… -var audience=… -var pat_secret=calendly/pat
#
# Routes, throttling, roles, logs, and warm-ups are those of template.yaml. Its canary, alarms, dashboard, and secret are
# left to you.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.32" # logging_config of a function
    }
  }
}

variable "zips" {
  type        = string
  description = "Folder with the zip files of a release."
}

variable "issuer" {
  type        = string
  description = "Expected iss of the callers' tokens."
}

variable "audience" {
  type        = string
  description = "Accepted audiences or client ids of the callers' tokens, comma-separated."
}

variable "pat_secret" {
  type        = string
  description = "Secrets Manager name of the Calendly personal access token. You create it and store its value."
}

locals {
  functions = toset(["user", "user-event-types", "check-availability"])
}

data "aws_secretsmanager_secret" "pat" {
  name = var.pat_secret
}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/calendly-${each.key}"
  retention_in_days = 30
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# Only its own secret and log group. AWSLambdaBasicExecutionRole would allow writing to every log group.
data "aws_iam_policy_document" "function" {
  for_each = local.functions
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [data.aws_secretsmanager_secret.pat.arn]
  }
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }
}

resource "aws_iam_role" "function" {
  for_each           = local.functions
  name_prefix        = "calendly-${each.key}-"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  role     = aws_iam_role.function[each.key].id
  policy   = data.aws_iam_policy_document.function[each.key].json
}

resource "aws_lambda_function" "function" {
  for_each         = local.functions
  function_name    = "calendly-${each.key}"
  filename         = "${var.zips}/${each.key}-arm64.zip"
  source_code_hash = filebase64sha256("${var.zips}/${each.key}-arm64.zip")
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = ["arm64"]
  memory_size      = 256
  # The gateway times out after 30 s. The functions answer 504 before Lambda ends them.
  timeout = 28
  role    = aws_iam_role.function[each.key].arn

  environment {
    variables = {
      CALENDLY_PAT_SECRET_ID = var.pat_secret
      JWT_ISSUER             = var.issuer
      JWT_AUDIENCE           = var.audience
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }
}

resource "aws_apigatewayv2_api" "api" {
  name          = "calendly"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.api.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = 20
    throttling_burst_limit = 40
  }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each               = local.functions
  api_id                 = aws_apigatewayv2_api.api.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.function[each.key].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "function" {
  for_each  = local.functions
  api_id    = aws_apigatewayv2_api.api.id
  route_key = "GET /calendly/${each.key}"
  target    = "integrations/${aws_apigatewayv2_integration.function[each.key].id}"
}

resource "aws_lambda_permission" "gateway" {
  for_each      = local.functions
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function[each.key].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.api.execution_arn}/*/*/calendly/${each.key}"
}

# A failed warm-up is not retried: the next one is minutes away.
resource "aws_lambda_function_event_invoke_config" "function" {
  for_each               = local.functions
  function_name          = aws_lambda_function.function[each.key].function_name
  maximum_retry_attempts = 0
}

resource "aws_cloudwatch_event_rule" "warm_up" {
  name                = "calendly-warm-up"
  schedule_expression = "rate(5 minutes)"
}

resource "aws_cloudwatch_event_target" "warm_up" {
  for_each = local.functions
  rule     = aws_cloudwatch_event_rule.warm_up.name
  arn      = aws_lambda_function.function[each.key].arn
  input    = jsonencode({ warmer = true })

  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 60
  }
}

resource "aws_lambda_permission" "warm_up" {
  for_each      = local.functions
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.warm_up.arn
}

output "base_url" {
  value = aws_apigatewayv2_api.api.api_endpoint
}
