"""WeChat (微信): one-time codes from the phone, and messages the customer granted."""
