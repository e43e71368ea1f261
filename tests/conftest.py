"""What every test has: the functions' environment, set before anything of ours is imported."""

import os

BOT_TOKEN = "42:TEST-token-of-nobody"
CONTACT_KEY = "test-contact-key"
TABLE = "urgent-services-test"

os.environ.update(
    STAGE="local",
    TABLE_NAME=TABLE,
    ORDER_LIFETIME_MINUTES="60",
    NO_RESPONSE_CLOSE_MINUTES="15",
    INIT_DATA_MAX_AGE_SECONDS="86400",
    SECRETS_PREFIX="/urgent-services/test",
    POWERTOOLS_SERVICE_NAME="urgent-services",
    POWERTOOLS_METRICS_NAMESPACE="UrgentServices",
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
)
