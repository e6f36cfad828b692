"""An audit result as text: the HTML report and every other format."""
