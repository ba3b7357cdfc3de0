"""What the site derives from the code: rooms, public names, claims, figures, and their links.

`public` lists rooms and names, `reached` finds the functions that a piece of source refers to,
`evidence` joins claims, functions and figures by it, `pages` writes the generated pages and
`hooks` is the Sphinx extension.
"""
