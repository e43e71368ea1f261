"""Where two other implementations of DynamoDB answer a wrong or a right request otherwise than its documentation.

Each entry is a rule of `wrong_requests.py`, which has what AWS documents, and what the implementation says instead:
a part of its message, that it ACCEPTS the request, or that it CRASHES. `test_dynamodb.py` asserts each entry and that
there is no other, so the lists are complete and not out of date.

For calls that keep the rules, moto differs in one thing: it does not know ClientRequestToken, so a repeated
transaction is executed again, and fails on its conditions.
"""

ACCEPTS = "accepted"
CRASHES = "crashed"

EMBEDDED = {
    "path twice": ACCEPTS,
    "path into another": ACCEPTS,
    "path behind a name": ACCEPTS,
    "paths in a transaction": ACCEPTS,
    "reserved word in a condition": "Invalid UpdateExpression: Attribute name is a reserved keyword",
    "transaction of 4 MB": "Transaction request exceeds the 4MB transaction size limit",
    "operators": ACCEPTS,
    "length of a name": ACCEPTS,
    "partition key": "Aggregated size of all hash keys has exceeded the size limit of 2048 bytes",
    "check without a condition": ACCEPTS,
    "set with duplicates": 'Input collection ["a", "a"] contains duplicates.',
    "size in an update": "refers to an attribute that does not exist in the item",
    "if_not_exists in a condition": "Syntax error",
    "value instead of a path": "Expected RPAREN",
    "operand twice": ACCEPTS,
    "order of a boolean": ACCEPTS,
    "bounds in the wrong order": "requires upper bound to be greater than or equal to lower bound",
    "bounds of two types": ACCEPTS,
    "sum of text": "refers to an attribute that does not exist in the item",
    "section twice": ACCEPTS,
    "no key condition": "Query condition missed key schema element",
    "inequality of keys": ACCEPTS,
    "either key": ACCEPTS,
    "range of partitions": "Query condition missed key schema element",
    "path in a key": "Query condition missed key schema element",
    "what an index has not": ACCEPTS,
    "filter by a key": ACCEPTS,
}

MOTO = {
    "projection of a batch twice": ACCEPTS,
    "empty sk": "An AttributeValue may not contain an empty string. Key: sk",
    "empty key in a transaction": "An AttributeValue may not contain an empty string. Key: pk",
    "empty index key, put": "A value specified for a secondary index key is not supported.",
    "undefined value": CRASHES,
    "undefined name": CRASHES,
    "values without expressions": ACCEPTS,
    "no names": ACCEPTS,
    "reserved word in a projection": "ProjectionExpression: Attribute name is a reserved keyword",
    "updated item": ACCEPTS,
    "transaction of 4 MB": ACCEPTS,
    "expression": ACCEPTS,
    "operators": CRASHES,
    "length of a name": ACCEPTS,
    "levels": ACCEPTS,
    "no action": ACCEPTS,
    "token of 37": ACCEPTS,
    "check without a condition": ACCEPTS,
    "no key": ACCEPTS,
    "26 writes": ACCEPTS,
    "type of a key": ACCEPTS,
    "key without sk": "Validation Exception",
    "type of an index key": ACCEPTS,
    "39 digits": ACCEPTS,
    "overflow": ACCEPTS,
    "number in a list": ACCEPTS,
    "set with duplicates": ACCEPTS,
    "two types": ACCEPTS,
    "size in an update": "Syntax error",
    "if_not_exists in a condition": CRASHES,
    "value instead of a path": CRASHES,
    "operand twice": ACCEPTS,
    "order of a boolean": ACCEPTS,
    "bounds in the wrong order": ACCEPTS,
    "bounds of two types": ACCEPTS,
    "text added": "An operand in the update expression has an incorrect data type",
    "sum of text": "refers to an attribute that does not exist in the item",
    "other return values": "Return values set to invalid value",
    "limit of 0": ACCEPTS,
    "scan with a limit of 0": CRASHES,
    "no key condition": "Either KeyConditions or QueryFilter should be present",
    "inequality of keys": CRASHES,
    "either key": CRASHES,
    "path in a key": "Query condition missed key schema element",
    "type of a condition": ACCEPTS,
    "range in the wrong order": ACCEPTS,
    "unknown index": "Invalid index: none for table",
    "filter by a key": ACCEPTS,
    "start without keys": ACCEPTS,
    # right requests
    "largest item": "Item size has exceeded the maximum allowed size",
    "300 operators": CRASHES,
}
